//! Rust values as arguments, messages and results.

use luavisor_core::{Error, Value, Values};

/// What can be passed to Lua: nothing `()`, one value, a tuple or an array of
/// them, or ready [`Values`], which alone can hold tables.
///
/// ```
/// use luavisor::{IntoValues, Value};
///
/// assert!(().into_values().items.is_empty());
/// assert_eq!("text".into_values().str(0), Some("text"));
/// assert_eq!((1, true).into_values().items[1], Value::Boolean(true));
/// ```
pub trait IntoValues {
    /// The values as a list.
    fn into_values(self) -> Values;
}

impl IntoValues for Values {
    fn into_values(self) -> Values {
        self
    }
}

impl IntoValues for () {
    fn into_values(self) -> Values {
        Values::none()
    }
}

macro_rules! single {
    ($($name:ty),*) => {
        $(impl IntoValues for $name {
            fn into_values(self) -> Values {
                Values::one(self)
            }
        })*
    };
}

single!(Value, &str, String, f64, i32, bool, Error);

impl<V: Into<Value>, const N: usize> IntoValues for [V; N] {
    fn into_values(self) -> Values {
        Values::list(self)
    }
}

impl<V: Into<Value>> IntoValues for Vec<V> {
    fn into_values(self) -> Values {
        Values::list(self)
    }
}

macro_rules! tuple {
    ($($name:ident),*) => {
        impl<$($name: Into<Value>),*> IntoValues for ($($name,)*) {
            fn into_values(self) -> Values {
                #[allow(non_snake_case)]
                let ($($name,)*) = self;
                Values::list::<Value>([$($name.into()),*])
            }
        }
    };
}

tuple!(A);
tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);
