//! The catalog seam: where the runtime finds what an entry id stands for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use luavisor_core::pool::{Place, Pool};
use luavisor_core::registry::{Change, Entry, History};
use luavisor_core::value::Table;
use luavisor_core::{Error, Kind, Pid, Value, Values};
use luavisor_vm::{Program, TemplateSet, Token};

use crate::host::HostConfig;
use crate::resources::Resources;
use crate::services::ServiceSpec;
use crate::sync::{read, write};

/// What the application consists of, as far as spawning needs it.
pub trait Catalog: Send + Sync {
    /// The newest code of an entry that can make a process.
    /// Otherwise [`factory_not_found`].
    fn program(&self, id: &str) -> Result<Arc<Program>, Error>;
    /// Changes whenever [`Catalog::program`] or [`Catalog::callable`] may give something else.
    fn version(&self) -> u64;
    /// What `funcs` calls by this id, if anything.
    fn callable(&self, id: &str) -> Option<Callable> {
        let _ = id;
        None
    }
    /// The template set of this id, as it is now.
    fn template_set(&self, id: &str) -> Option<Arc<TemplateSet>> {
        let _ = id;
        None
    }
    /// All entries, by id, for those who read them.
    fn entries(&self) -> Arc<[Arc<Entry>]> {
        Arc::new([])
    }
    /// The versions of its entries; `None` if it cannot change.
    fn history(&self) -> Option<History> {
        None
    }
    /// Changes entries, all or none.
    ///
    /// # Errors
    /// As `changes:apply()` in Lua; then nothing has changed.
    fn change(&self, changes: &[Change]) -> Result<Changed, Error> {
        let _ = changes;
        Err(Error::new(Kind::UNAVAILABLE, "the entries of this runtime do not change"))
    }
    /// Puts an older or newer version in force.
    ///
    /// # Errors
    /// NotFound: there is none of this number. Others as for [`Catalog::change`].
    fn go_to(&self, version: u64) -> Result<Changed, Error> {
        let _ = version;
        Err(Error::not_found("version not found"))
    }
    /// Whether there is an entry of this id, of any kind. Decides between
    /// `host not found` and `host does not implement process.Host`.
    fn has_entry(&self, id: &str) -> bool;
}

/// What a change of entries means to the runtime, which carries it out.
#[derive(Clone, Default)]
pub struct Changed {
    /// the version in force
    pub version: u64,
    /// what changed
    pub changes: Vec<Change>,
    /// entries that were there and have other code now
    pub outdated: BTreeSet<Arc<str>>,
    /// services that are new or other ones now
    pub services: Vec<ServiceSpec>,
    /// services that are none any more
    pub ended: Vec<Arc<str>>,
    /// entries whose new code children of supervisors are to run
    pub renewed: BTreeSet<Arc<str>>,
    /// services whose next life is another one
    pub amended: Vec<ServiceSpec>,
    /// what programs find by id besides code, if that changed
    pub resources: Option<Resources>,
    /// hosts that are new or other ones, with the services that they are; these have the
    /// new host as target, whatever they say
    pub hosts: Vec<(HostConfig, ServiceSpec)>,
    /// hosts that are none any more
    pub retired: Vec<Arc<str>>,
}

/// NotFound `factory not found` with `details.factory_id`.
pub fn factory_not_found(id: &str) -> Error {
    Error::not_found("factory not found").details(detail("factory_id", id))
}

/// Details of one field.
pub(crate) fn detail(field: &str, text: &str) -> Values {
    Values {
        items: [Value::Table(0)].into_iter().collect(),
        tables: vec![Table { array: Vec::new(), hash: vec![(field.into(), text.into())] }],
    }
}

/// What `funcs` can call.
#[derive(Clone, Debug)]
pub enum Callable {
    /// a function
    Function(Arc<Function>),
    /// a process, spawned on this host for each call
    Process {
        /// entry id of the host
        host: Arc<str>,
    },
}

/// A function: the program that each call runs, and how many run at once.
#[derive(Debug)]
pub struct Function {
    /// what a call runs
    pub program: Arc<Program>,
    pub(crate) pool: Option<Arc<SeatPool>>,
}

/// The pool of a function, which all shards share.
pub(crate) type SeatPool = Mutex<Pool<Waiter>>;

/// A call that waits for a seat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    pub caller: Pid,
    pub token: Token,
    pub place: Place,
}

impl Function {
    /// A function of which `seats` calls run at once; `None`: any number.
    pub fn new(program: Arc<Program>, seats: Option<u32>) -> Function {
        let pool = seats.map(|seats| Arc::new(Mutex::new(Pool::new(seats))));
        Function { program, pool }
    }

    /// The same with reference counts of its own, but the same pool; see [`Program::apart`].
    pub(crate) fn apart(&self) -> Function {
        Function { program: Arc::new(self.program.apart()), pool: self.pool.clone() }
    }
}

/// Programs by id.
pub type Programs = BTreeMap<Arc<str>, Arc<Program>>;
/// What can be called, by id.
pub type Callables = BTreeMap<Arc<str>, Callable>;

/// A catalog in memory, to which programs can be added at run time.
#[derive(Debug, Default)]
pub struct ProgramTable {
    programs: RwLock<Programs>,
    callables: RwLock<Callables>,
    version: AtomicU64,
}

impl ProgramTable {
    /// Adds a program under its own id, or replaces it.
    pub fn insert(&self, program: Arc<Program>) {
        let mut programs = write(&self.programs);
        programs.insert(program.id.clone(), program);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Changes several at once: nobody sees some of them only.
    pub fn change(&self, change: impl FnOnce(&mut Programs, &mut Callables)) {
        let (mut programs, mut callables) = (write(&self.programs), write(&self.callables));
        change(&mut programs, &mut callables);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Makes something callable under this id, or replaces it. Calls that run go on.
    pub fn insert_callable(&self, id: Arc<str>, callable: Callable) {
        write(&self.callables).insert(id, callable);
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl Catalog for ProgramTable {
    fn program(&self, id: &str) -> Result<Arc<Program>, Error> {
        let programs = read(&self.programs);
        programs.get(id).cloned().ok_or_else(|| factory_not_found(id))
    }

    fn callable(&self, id: &str) -> Option<Callable> {
        read(&self.callables).get(id).cloned()
    }

    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn has_entry(&self, id: &str) -> bool {
        read(&self.programs).contains_key(id) || read(&self.callables).contains_key(id)
    }
}
