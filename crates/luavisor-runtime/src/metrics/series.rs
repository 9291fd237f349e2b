//! What programs count.
//!
//! A *metric* has a name and a type, which its first use decides; a *series* of it is one
//! set of labels. Both are bounded, so that no program fills the memory with them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use luavisor_core::{Error, Kind};
use luavisor_vm::kernel::Measure;

use super::text::{self, Page};
use crate::sync::lock;

/// Metrics of an application, and series of one metric.
const METRICS: usize = 10_000;
const SERIES: usize = 10_000;

/// Bytes of a name and its labels.
const BYTES: usize = 4096;

/// What begins like this is the runtime's own.
const RESERVED: &str = "luavisor_";

/// Upper bounds of the buckets of a histogram: for seconds, as is usual.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

type Labels = Vec<(String, String)>;

/// See the module.
#[derive(Default)]
pub(crate) struct Series {
    metrics: Mutex<BTreeMap<String, Metric>>,
}

struct Metric {
    sort: Sort,
    values: BTreeMap<Labels, Reading>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Default)]
struct Reading {
    /// of a histogram: the sum of what was observed
    value: f64,
    /// of a histogram: how often each bucket was hit, and the one without a bound
    buckets: Option<Box<[u64; BOUNDS.len() + 1]>>,
}

impl Sort {
    fn of(measure: Measure) -> Sort {
        match measure {
            Measure::Count(_) => Sort::Counter,
            Measure::Set(_) | Measure::Change(_) => Sort::Gauge,
            Measure::Observe(_) => Sort::Histogram,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Sort::Counter => "counter",
            Sort::Gauge => "gauge",
            Sort::Histogram => "histogram",
        }
    }
}

impl Reading {
    fn take(&mut self, measure: Measure) {
        match measure {
            Measure::Count(by) | Measure::Change(by) => self.value += by,
            Measure::Set(value) => self.value = value,
            Measure::Observe(value) => {
                self.value += value;
                let bucket = BOUNDS.iter().position(|bound| value <= *bound);
                let buckets = self.buckets.get_or_insert_default();
                buckets[bucket.unwrap_or(BOUNDS.len())] += 1;
            }
        }
    }
}

impl Series {
    /// Takes one measurement.
    pub fn take(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        measure: Measure,
    ) -> Result<(), Error> {
        let bytes = labels.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        if name.len() + bytes > BYTES {
            return Err(exceeded(format!("name and labels of a metric exceed {BYTES} bytes")));
        }
        let (given, name) = (name, text::name(name));
        if name.starts_with(RESERVED) {
            return Err(invalid(format!("names of metrics cannot begin with {RESERVED}: {given}")));
        }
        let labels = labels.iter().map(|(key, value)| (label(key), value.clone()));
        // Names that have become the same are one label.
        let labels: Labels = labels.collect::<BTreeMap<_, _>>().into_iter().collect();
        let sort = Sort::of(measure);
        let mut metrics = lock(&self.metrics);
        if !metrics.contains_key(&name) && metrics.len() >= METRICS {
            return Err(exceeded(format!("more than {METRICS} metrics")));
        }
        let new = || Metric { sort, values: BTreeMap::new() };
        let metric = metrics.entry(name).or_insert_with(new);
        if metric.sort != sort {
            return Err(invalid(format!("metric {given} is a {}", metric.sort.word())));
        }
        if !metric.values.contains_key(&labels) && metric.values.len() >= SERIES {
            return Err(exceeded(format!("metric {given} has more than {SERIES} series")));
        }
        metric.values.entry(labels).or_default().take(measure);
        Ok(())
    }

    /// All of them, by name.
    pub(super) fn write(&self, page: &mut Page) {
        for (name, metric) in lock(&self.metrics).iter() {
            let kind = metric.sort.word();
            page.metric(name, kind, &format!("A {kind} of a program."));
            for (labels, reading) in &metric.values {
                let Some(buckets) = &reading.buckets else {
                    page.sample(name, pairs(labels), reading.value);
                    continue;
                };
                let mut count = 0;
                let bounds = BOUNDS.iter().copied().chain([f64::INFINITY]);
                for (bound, hits) in bounds.zip(buckets.iter()) {
                    count += hits;
                    let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".into() };
                    let labels = pairs(labels).chain([("le", bound.as_str())]);
                    page.sample(&format!("{name}_bucket"), labels, count as f64);
                }
                page.sample(&format!("{name}_sum"), pairs(labels), reading.value);
                page.sample(&format!("{name}_count"), pairs(labels), count as f64);
            }
        }
    }
}

fn pairs(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

/// `le` and what begins with two lines mean something to Prometheus.
fn label(text: &str) -> String {
    let name = text::name(text);
    if name == "le" || name.starts_with("__") || name.is_empty() {
        return format!("label_{name}");
    }
    name
}

fn invalid(text: String) -> Error {
    Error::invalid(text).retryable(false)
}

fn exceeded(text: String) -> Error {
    Error::new(Kind::LIMIT_EXCEEDED, text).retryable(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_counted_is_written() {
        let series = Series::default();
        let none = labels(&[]);
        series.take("shop.orders", &none, Measure::Count(2.0)).unwrap();
        series
            .take("shop.orders", &labels(&[("le", "x"), ("to", "a")]), Measure::Count(1.0))
            .unwrap();
        series.take("cups", &none, Measure::Set(5.0)).unwrap();
        series.take("cups", &none, Measure::Change(-2.0)).unwrap();
        for value in [0.001, 0.3, 20.0] {
            series.take("wait", &none, Measure::Observe(value)).unwrap();
        }
        let mut page = Page::default();
        series.write(&mut page);
        let text = page.finish();
        for line in [
            "# TYPE cups gauge\ncups 3\n",
            "# HELP shop_orders A counter of a program.\n# TYPE shop_orders counter\nshop_orders 2\n\
             shop_orders{label_le=\"x\",to=\"a\"} 1\n",
            "wait_bucket{le=\"0.005\"} 1\n",
            "wait_bucket{le=\"0.5\"} 2\n",
            "wait_bucket{le=\"10\"} 2\nwait_bucket{le=\"+Inf\"} 3\nwait_sum 20.301\nwait_count 3\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn one_name_is_one_type_and_all_is_bounded() {
        let series = Series::default();
        let none = labels(&[]);
        let refused = |name: &str, labels, measure| {
            let error = series.take(name, &labels, measure).unwrap_err();
            format!("{}: {}", error.kind.as_str(), error.message)
        };
        series.take("a.b", &none, Measure::Count(1.0)).unwrap();
        assert_eq!(
            refused("a_b", none.clone(), Measure::Set(1.0)),
            "Invalid: metric a_b is a counter"
        );
        assert_eq!(
            refused("luavisor.x", none.clone(), Measure::Set(1.0)),
            "Invalid: names of metrics cannot begin with luavisor_: luavisor.x"
        );
        assert_eq!(
            refused(&"x".repeat(5000), none.clone(), Measure::Set(1.0)),
            "LimitExceeded: name and labels of a metric exceed 4096 bytes"
        );
        for n in 0..SERIES {
            series.take("many", &labels(&[("n", &n.to_string())]), Measure::Set(1.0)).unwrap();
        }
        assert_eq!(
            refused("many", labels(&[("n", "one more")]), Measure::Set(1.0)),
            "LimitExceeded: metric many has more than 10000 series"
        );
        series.take("many", &labels(&[("n", "7")]), Measure::Set(2.0)).unwrap();
    }
}
