//! Counters, gauges and histograms, and their text for Prometheus (MODULES 22).
//!
//! Pure. The text is the exposition format 0.0.4 of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::error::{Error, Kind};

/// Series of one name, at most.
const SERIES: usize = 10_000;
/// Names, at most.
const NAMES: usize = 10_000;
/// Upper bounds of the buckets of histograms: those of Prometheus' clients, made for seconds.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Names that belong to the runtime.
const OURS: &str = "luavisor_";

/// Names with values, by name.
pub type Labels = BTreeMap<String, String>;

/// What is done to a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// A counter rises.
    Count(f64),
    /// A gauge has this value.
    Set(f64),
    /// A gauge rises or falls.
    Add(f64),
    /// A histogram sees this value.
    Observe(f64),
}

/// What a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Counter,
    Gauge,
    Histogram,
}

impl Sort {
    fn of(change: Change) -> Sort {
        match change {
            Change::Count(_) => Sort::Counter,
            Change::Set(_) | Change::Add(_) => Sort::Gauge,
            Change::Observe(_) => Sort::Histogram,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Sort::Counter => "counter",
            Sort::Gauge => "gauge",
            Sort::Histogram => "histogram",
        }
    }
}

#[derive(Debug, Default)]
struct Series {
    /// the value; of a histogram the sum
    value: f64,
    count: u64,
    /// values up to each bound
    buckets: [u64; BUCKETS.len()],
}

#[derive(Debug)]
struct Family {
    sort: Sort,
    series: BTreeMap<Labels, Series>,
}

/// All metrics of an application.
#[derive(Debug, Default)]
pub struct Metrics {
    families: BTreeMap<String, Family>,
}

impl Metrics {
    /// Does something to a series, which is made if it is not there.
    ///
    /// # Errors
    /// Invalid: an empty name, one of the runtime's, one of another type, or a counter that
    /// would fall. LimitExceeded: too many names or series.
    pub fn change(&mut self, name: &str, labels: Labels, change: Change) -> Result<(), Error> {
        if name.is_empty() {
            return Err(Error::invalid("metric name is required"));
        }
        if let Change::Count(value) = change
            && (value < 0.0 || value.is_nan())
        {
            return Err(Error::invalid("counter cannot decrease"));
        }
        let (name, sort) = (identifier(name), Sort::of(change));
        if name.starts_with(OURS) {
            return Err(Error::invalid("metric names that begin with luavisor are the runtime's"));
        }
        if self.families.len() >= NAMES && !self.families.contains_key(&name) {
            return Err(Error::new(Kind::LIMIT_EXCEEDED, "too many metrics"));
        }
        let made = || Family { sort, series: BTreeMap::new() };
        let family = self.families.entry(name).or_insert_with(made);
        if family.sort != sort {
            let text = format!("metric is a {}", family.sort.name());
            return Err(Error::invalid(text));
        }
        let labels: Labels =
            labels.into_iter().map(|(name, value)| (identifier(&name), value)).collect();
        if family.series.len() >= SERIES && !family.series.contains_key(&labels) {
            return Err(Error::new(Kind::LIMIT_EXCEEDED, "too many series of this metric"));
        }
        let series = family.series.entry(labels).or_default();
        match change {
            Change::Count(value) | Change::Add(value) => series.value += value,
            Change::Set(value) => series.value = value,
            Change::Observe(value) => {
                series.value += value;
                series.count += 1;
                for (bucket, bound) in series.buckets.iter_mut().zip(BUCKETS) {
                    *bucket += u64::from(value <= bound);
                }
            }
        }
        Ok(())
    }

    /// All of them as text.
    pub fn write(&self, text: &mut String) {
        for (name, family) in &self.families {
            head(text, name, "Set by the application.", family.sort.name());
            for (labels, series) in &family.series {
                match family.sort {
                    Sort::Histogram => {
                        for (count, bound) in series.buckets.iter().zip(BUCKETS) {
                            let bound = bound.to_string();
                            sample(text, &format!("{name}_bucket"), labels, Some(&bound), *count);
                        }
                        let all = series.count;
                        sample(text, &format!("{name}_bucket"), labels, Some("+Inf"), all);
                        sample(text, &format!("{name}_sum"), labels, None, Number(series.value));
                        sample(text, &format!("{name}_count"), labels, None, all);
                    }
                    _ => sample(text, name, labels, None, Number(series.value)),
                }
            }
        }
    }
}

/// The two lines before the samples of a metric.
pub fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    // Writing to a string cannot fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

/// One sample; `bound` is the label `le` of a bucket.
pub fn sample(
    text: &mut String,
    name: &str,
    labels: &Labels,
    bound: Option<&str>,
    value: impl std::fmt::Display,
) {
    text.push_str(name);
    let all = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all: Vec<(&str, &str)> = all.chain(bound.map(|bound| ("le", bound))).collect();
    if !all.is_empty() {
        text.push('{');
        for (place, (name, value)) in all.into_iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let _ = write!(text, "{comma}{name}=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    letter => text.push(letter),
                }
            }
            text.push('"');
        }
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

/// A number as Prometheus reads it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            value if value == f64::INFINITY => f.write_str("+Inf"),
            value if value == f64::NEG_INFINITY => f.write_str("-Inf"),
            value => write!(f, "{value}"),
        }
    }
}

/// A name of letters, digits and underscores.
fn identifier(name: &str) -> String {
    let valid = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut found: String =
        name.chars().map(|letter| if valid(letter) { letter } else { '_' }).collect();
    if found.starts_with(|first: char| first.is_ascii_digit()) {
        found.insert(0, '_');
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_text_is_that_of_prometheus() {
        let mut metrics = Metrics::default();
        let mut change = |name, pairs: &[_], change| metrics.change(name, labels(pairs), change);
        change("jobs.done", &[("kind", "a\"b\n")], Change::Count(1.0)).unwrap();
        change("jobs.done", &[("kind", "a\"b\n")], Change::Count(2.5)).unwrap();
        change("jobs.done", &[], Change::Count(1.0)).unwrap();
        change("queue", &[], Change::Set(7.0)).unwrap();
        change("queue", &[], Change::Add(-2.0)).unwrap();
        change("took", &[("to", "x")], Change::Observe(0.02)).unwrap();
        change("took", &[("to", "x")], Change::Observe(99.0)).unwrap();
        let mut text = String::new();
        metrics.write(&mut text);
        let expected = r#"# HELP jobs_done Set by the application.
# TYPE jobs_done counter
jobs_done 1
jobs_done{kind="a\"b\n"} 3.5
# HELP queue Set by the application.
# TYPE queue gauge
queue 5
# HELP took Set by the application.
# TYPE took histogram
took_bucket{to="x",le="0.005"} 0
took_bucket{to="x",le="0.01"} 0
took_bucket{to="x",le="0.025"} 1
"#;
        assert!(text.starts_with(expected), "{text}");
        let end = "took_bucket{to=\"x\",le=\"+Inf\"} 2\ntook_sum{to=\"x\"} 99.02\ntook_count{to=\"x\"} 2\n";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn wrong_changes_are_refused() {
        let mut metrics = Metrics::default();
        let mut refused = |name: &str, change, message: &str| {
            let error = metrics.change(name, Labels::new(), change).unwrap_err();
            assert_eq!(&*error.message, message);
        };
        refused("", Change::Set(1.0), "metric name is required");
        refused("c", Change::Count(-1.0), "counter cannot decrease");
        refused("c", Change::Count(f64::NAN), "counter cannot decrease");
        refused(
            "luavisor.x",
            Change::Set(1.0),
            "metric names that begin with luavisor are the runtime's",
        );
        metrics.change("c", Labels::new(), Change::Count(1.0)).unwrap();
        let error = metrics.change("c", Labels::new(), Change::Set(1.0)).unwrap_err();
        assert_eq!(&*error.message, "metric is a counter");
        for number in 0..SERIES {
            let labels = labels(&[("n", &number.to_string())]);
            metrics.change("many", labels, Change::Set(1.0)).unwrap();
        }
        let error = metrics.change("many", Labels::new(), Change::Set(1.0)).unwrap_err();
        assert_eq!(error.kind, Kind::LIMIT_EXCEEDED);
        metrics.change("many", labels(&[("n", "3")]), Change::Set(2.0)).unwrap();
    }
}
