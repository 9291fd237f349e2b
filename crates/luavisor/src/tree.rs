//! Supervision trees made in code.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use luavisor_core::restart::Backoff;
use luavisor_core::supervision::{
    AutoShutdown, ChildRule, DynamicRule, Intensity, Restart, Rules, Shutdown, Strategy,
};
use luavisor_core::{Error, Values};

use crate::mailbox::Mailbox;
use crate::values::IntoValues;

/// The body of a native child.
pub(crate) type Body = Pin<Box<dyn Future<Output = Result<Values, Error>> + Send>>;

/// Makes the body of each life.
pub(crate) type MakeBody = Arc<dyn Fn(Mailbox) -> Body + Send + Sync>;

/// A supervisor: what it keeps running, and how. The rules are those of
/// `process.supervisor` entries; see the page on supervision.
///
/// ```
/// use luavisor::{App, Child, Supervisor};
/// use std::time::Duration;
///
/// let pool = Supervisor::new("app:pool", "app:processes")
///     .intensity(5, Duration::from_secs(10))
///     .child(Child::lua("cache", "app:cache"))
///     .child(Child::lua("worker", "app:worker").count(3))
///     .child(Child::native("clock", |mut mailbox| async move {
///         while mailbox.receive().await.is_some() {}
///         Ok(())
///     }));
/// let luavisor = App::new()
///     .host("app:processes", 2)
///     .process("app:cache", "return function() process.events():receive() end")
///     .process("app:worker", "return function(n) process.events():receive() end")
///     .supervisor(pool)
///     .start()?;
/// luavisor.wait_until_booted();
/// assert!(luavisor.runtime().supervisor("app:pool").is_some());
/// luavisor.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Supervisor {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) rules: Rules,
    pub(crate) children: Vec<Child>,
    pub(crate) dynamic: Option<Box<Dynamic>>,
}

/// A child of a [`Supervisor`], or a group of alike ones.
pub struct Child {
    pub(crate) rule: ChildRule,
    pub(crate) run: Run,
}

/// What a child runs.
pub(crate) enum Run {
    Lua { process: String, input: Values },
    Native(MakeBody),
    Supervisor(Supervisor),
}

impl Supervisor {
    /// A supervisor with the defaults: one_for_one, 3 restarts in 5 s, delays from
    /// 100 ms to 10 s. Its Lua children run on `host`.
    pub fn new(id: impl Into<String>, host: impl Into<String>) -> Supervisor {
        Supervisor {
            id: id.into(),
            host: host.into(),
            rules: Rules::default(),
            children: Vec::new(),
            dynamic: None,
        }
    }

    /// What the restart of one child means for the others.
    pub fn strategy(mut self, strategy: Strategy) -> Supervisor {
        self.rules.strategy = strategy;
        self
    }

    /// More than so many restarts in this time end the supervisor.
    pub fn intensity(mut self, restarts: u32, period: Duration) -> Supervisor {
        self.rules.intensity = Intensity { restarts, period };
        self
    }

    /// How long restarts wait.
    pub fn backoff(mut self, backoff: Backoff) -> Supervisor {
        self.rules.backoff = backoff;
        self
    }

    /// Whether the end of significant children ends it.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Supervisor {
        self.rules.auto_shutdown = auto_shutdown;
        self
    }

    /// Adds a child. Children start in the order in which they are added.
    pub fn child(mut self, child: Child) -> Supervisor {
        self.children.push(child);
        self
    }

    /// Lets `supervisor.start` start children at run time.
    pub fn dynamic(mut self, dynamic: Dynamic) -> Supervisor {
        self.dynamic = Some(Box::new(dynamic));
        self
    }
}

/// The children of a [`Supervisor`] that are started at run time.
pub struct Dynamic {
    pub(crate) rule: DynamicRule,
    pub(crate) run: Run,
}

impl Dynamic {
    /// They run what this child would; its name begins theirs, and its restart type
    /// and shutdown are theirs. The other settings of a [`Child`] have no effect.
    pub fn like(child: Child) -> Dynamic {
        let Child { rule: ChildRule { name, restart, shutdown, .. }, run } = child;
        Dynamic { rule: DynamicRule { name, max_children: u32::MAX, restart, shutdown }, run }
    }

    /// How many may live at once; by default any number.
    pub fn max_children(mut self, max_children: u32) -> Dynamic {
        self.rule.max_children = max_children;
        self
    }
}

impl Child {
    /// A child that runs a Lua process.
    pub fn lua(name: impl Into<Arc<str>>, process: impl Into<String>) -> Child {
        let run = Run::Lua { process: process.into(), input: Values::none() };
        Child { rule: ChildRule::new(name), run }
    }

    /// A child in asynchronous Rust; `make` is called for each life.
    pub fn native<R, V>(
        name: impl Into<Arc<str>>,
        make: impl Fn(Mailbox) -> R + Send + Sync + 'static,
    ) -> Child
    where
        R: Future<Output = Result<V, Error>> + Send + 'static,
        V: IntoValues,
    {
        let make: MakeBody = Arc::new(move |mailbox| {
            let future = make(mailbox);
            Box::pin(async move { future.await.map(IntoValues::into_values) })
        });
        Child { rule: ChildRule::new(name), run: Run::Native(make) }
    }

    /// A child that is a supervisor. It is up when its own children are, and
    /// stops in its own time.
    pub fn supervisor(name: impl Into<Arc<str>>, supervisor: Supervisor) -> Child {
        let rule = ChildRule {
            shutdown: Shutdown::Infinity,
            ready: true,
            start_timeout: None,
            ..ChildRule::new(name)
        };
        Child { rule, run: Run::Supervisor(supervisor) }
    }

    /// The arguments of a Lua child; without effect for others.
    pub fn input(mut self, arguments: impl IntoValues) -> Child {
        if let Run::Lua { input, .. } = &mut self.run {
            *input = arguments.into_values();
        }
        self
    }

    /// So many children `name.1`, `name.2` and so on, at least one; a Lua process
    /// gets its number as the first argument.
    pub fn count(mut self, count: u32) -> Child {
        self.rule.count = Some(count.max(1));
        self
    }

    /// Which ends are followed by a new start.
    pub fn restart(mut self, restart: Restart) -> Child {
        self.rule.restart = restart;
        self
    }

    /// How it is stopped; by default within 5 s.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Child {
        self.rule.shutdown = shutdown;
        self
    }

    /// It is up only when it says so, with `process.ready()`; in Rust with
    /// `mailbox.perform(|context| context.ready())`. `within`: how long that may take.
    pub fn ready(mut self, within: Option<Duration>) -> Child {
        (self.rule.ready, self.rule.start_timeout) = (true, within);
        self
    }

    /// Its end may end the supervisor; see [`Supervisor::auto_shutdown`].
    pub fn significant(mut self) -> Child {
        self.rule.significant = true;
        self
    }
}
