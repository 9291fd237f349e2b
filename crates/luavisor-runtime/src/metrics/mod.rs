//! Numbers of programs and of the runtime, for Prometheus (MODULES 22).
//!
//! Programs count in any case; what they count costs a lock and a look-up. What happens
//! to processes is counted from the moment when somebody wants to see it
//! ([`crate::Runtime::serve_metrics`]); what there is now, such as mailboxes and memory,
//! is looked up when it is asked for.
//!
//! | module | holds |
//! |---|---|
//! | `series` | what programs count |
//! | `runtime` | what the runtime tells of itself |
//! | `text` | the format that Prometheus reads |
//! | `serve` | the endpoint |

mod runtime;
mod series;
mod serve;
mod text;

pub(crate) use runtime::Happened;
pub(crate) use series::Series;
pub use serve::MetricsServer;

use crate::world::World;

/// All metrics as text.
pub(crate) fn text(world: &World, happened: &Happened) -> String {
    let mut page = text::Page::default();
    world.series.write(&mut page);
    runtime::write(world, happened, &mut page);
    page.finish()
}
