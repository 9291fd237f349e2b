//! File objects (MODULES 24).
//!
//! A file is used by one piece of work at a time; other tasks wait. It is closed by
//! `close`, by the collector, and by the end of its process, at the latest when the work
//! that uses it is done.

use std::io::SeekFrom;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use luavisor_core::{Error, Value, Values};

use super::or_false;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;
use crate::ffi::process::Release;
use crate::files::{Access, File, Volume, VolumePath};
use crate::modules::stream::scanner::{self, Source};

/// Most bytes that one `read` returns.
const LARGEST: usize = 64 << 20;

/// Open files of one process.
const MANY: usize = 1000;

/// A file while it is open, and what is left of it afterwards.
#[derive(Default)]
struct Opened {
    file: Mutex<Option<Box<dyn File>>>,
    closed: AtomicBool,
}

impl Opened {
    /// Does something with it.
    fn with<T>(&self, work: impl FnOnce(&mut dyn File) -> Result<T, Error>) -> Result<T, Error> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let result = match &mut *file {
            Some(open) if !self.closed.load(Ordering::SeqCst) => work(&mut **open),
            _ => Err(closed()),
        };
        if self.closed.load(Ordering::SeqCst) {
            *file = None;
        }
        result
    }
}

impl Release for Opened {
    fn release(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // Whoever uses it now closes it.
        if let Ok(mut file) = self.file.try_lock() {
            *file = None;
        }
    }
}

impl Source for Opened {
    fn read(&self, most: usize) -> Result<Vec<u8>, Error> {
        self.with(|file| file.read(most))
    }
}

fn closed() -> Error {
    refusal("file is closed")
}

fn refusal(text: &'static str) -> Error {
    Error::invalid(text).retryable(false)
}

/// Opens a file elsewhere and gives its object.
pub(super) fn open(
    call: &mut Call,
    volume: Arc<dyn Volume>,
    path: VolumePath,
    access: Access,
) -> Outcome {
    let opened = Arc::new(Opened::default());
    let object = opened.clone();
    if !call.release_at_end(opened.clone(), MANY) {
        let text = format!("more than {MANY} files are open");
        let error = Error::new(luavisor_core::Kind::LIMIT_EXCEEDED, text);
        return call.fail(error.retryable(false));
    }
    let work = move || {
        let file = volume.open(path, access)?;
        *opened.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        // Its process may have ended meanwhile.
        if opened.closed.load(Ordering::SeqCst) {
            opened.release();
        }
        Ok(Values::none())
    };
    call.elsewhere_then(work, move |call| call.push_data(tags::FILE, object))
}

fn this(call: &Call) -> Result<Arc<Opened>, Raise> {
    let opened = call.object::<Arc<Opened>>(1, tags::FILE);
    opened.map(|opened| opened.clone()).ok_or_else(|| call.wrong(1, "File"))
}

fn read(call: &mut Call) -> Outcome {
    let opened = this(call)?;
    let size = if call.is_nil(2) { 4096 } else { call.integer(2)? };
    if size < 1 {
        return call.fail(refusal("size must be positive"));
    }
    let size = usize::try_from(size).map_or(LARGEST, |size| size.min(LARGEST));
    call.elsewhere(move || {
        let bytes = opened.with(|file| file.read(size))?;
        match bytes.is_empty() {
            true => Err(Error::not_found("EOF").retryable(false)),
            false => Ok(Values::one(Value::String(bytes.into()))),
        }
    })
}

fn write(call: &mut Call) -> Outcome {
    let (opened, bytes) = (this(call)?, call.bytes(2)?);
    if bytes.is_empty() {
        return call.fail_false(refusal("data required"));
    }
    call.elsewhere_or(or_false, move || {
        opened.with(|file| file.write(&bytes))?;
        Ok(Values::one(true))
    })
}

fn seek(call: &mut Call) -> Outcome {
    let (opened, whence, offset) = (this(call)?, call.bytes(2)?, call.integer(3)?);
    let place = match &*whence {
        b"set" => u64::try_from(offset).ok().map(SeekFrom::Start),
        b"cur" => Some(SeekFrom::Current(offset)),
        b"end" => Some(SeekFrom::End(offset)),
        _ => return call.fail(refusal("invalid whence: must be 'set', 'cur', or 'end'")),
    };
    let Some(place) = place else {
        return call.fail(refusal("offset is before the start of the file"));
    };
    call.elsewhere(move || {
        let position = opened.with(|file| file.seek(place))?;
        Ok(Values::one(position as f64))
    })
}

fn stat(call: &mut Call) -> Outcome {
    let opened = this(call)?;
    call.elsewhere(move || opened.with(|file| file.stat()))
}

fn sync(call: &mut Call) -> Outcome {
    let opened = this(call)?;
    call.elsewhere_or(or_false, move || {
        opened.with(|file| file.sync())?;
        Ok(Values::one(true))
    })
}

fn close(call: &mut Call) -> Outcome {
    let opened = this(call)?;
    if opened.closed.load(Ordering::SeqCst) {
        return call.yes();
    }
    call.elsewhere(move || {
        // After the work that began before.
        let _ = opened.with(|_| Ok(()));
        opened.release();
        Ok(Values::one(true))
    })
}

fn scan(call: &mut Call) -> Outcome {
    let opened = this(call)?;
    if opened.closed.load(Ordering::SeqCst) {
        return call.fail(closed());
    }
    scanner::push(call, opened, 2)
}

static METHODS: &[Function] = &[
    Function { name: c"read", run: read },
    Function { name: c"write", run: write },
    Function { name: c"seek", run: seek },
    Function { name: c"stat", run: stat },
    Function { name: c"sync", run: sync },
    Function { name: c"close", run: close },
    Function { name: c"scanner", run: scan },
];

/// Installs the class.
pub(super) fn install(setup: &mut Setup) {
    setup.class::<Arc<Opened>>(tags::FILE, "fs.File", METHODS);
}
