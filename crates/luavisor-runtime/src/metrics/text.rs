//! The text format of Prometheus, version 0.0.4.

use std::fmt::Write;

/// A page under construction.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Begins a metric: `kind` is `counter`, `gauge` or `histogram`.
    pub fn metric(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// One line of it. `name` is that of the metric with a suffix, if any.
    pub fn sample<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        self.text.push_str(name);
        let mut open = false;
        for (label, text) in labels {
            let _ = write!(self.text, "{}{label}=\"", if open { ',' } else { '{' });
            for c in text.chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    c => self.text.push(c),
                }
            }
            self.text.push('"');
            open = true;
        }
        let _ = writeln!(self.text, "{} {}", if open { "}" } else { "" }, Number(value));
    }

    pub fn finish(self) -> String {
        self.text
    }
}

/// A number as the format writes it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            value if value.is_nan() => f.write_str("NaN"),
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            value => write!(f, "{value}"),
        }
    }
}

/// A name that the format knows: other characters become `_`.
pub(super) fn name(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut name: String = text.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_labels_are_written_as_the_format_wants() {
        assert_eq!(name("shop.orders-2 ü"), "shop_orders_2__");
        assert_eq!(name("2nd"), "_2nd");
        let mut page = Page::default();
        page.metric("a", "gauge", "What it is.");
        page.sample("a", [], 1.5);
        page.sample("a", [("x", "q\"\\\n")], f64::INFINITY);
        page.sample("a", [("x", "y"), ("z", "")], f64::NAN);
        assert_eq!(
            page.finish(),
            "# HELP a What it is.\n# TYPE a gauge\na 1.5\na{x=\"q\\\"\\\\\\n\"} +Inf\n\
             a{x=\"y\",z=\"\"} NaN\n"
        );
    }
}
