//! Memory of a simulated VM: the same requests get the same addresses.
//!
//! Luau's tables are ordered by the addresses of their keys, and `tostring` shows
//! those of tables and functions. So that one seed gives one run, in whatever process
//! and beside whatever else, a simulated VM has a range of addresses of its own: the
//! first VM of a simulation always the same one. Within it, freed blocks are reused in
//! the order last in, first out.
//!
//! Simulations that run at the same time in one process have different [`Plane`]s,
//! which lie whole multiples of 4 GiB apart: the order of tables, for which 32 bits of
//! an address count, is the same in all of them.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Where the first plane begins: far from what systems use by themselves.
const BASE: usize = 0x1000_0000_0000;
/// Bytes of one VM.
const SPAN: usize = 4 << 30;
/// VMs of one plane.
const VMS: usize = 256;
/// Planes that fit.
const PLANES: usize = 64;
/// Alignment and step of small sizes.
const STEP: usize = 16;
/// Classes of sizes up to 1 KiB, by steps; larger ones by powers of two.
const SMALL: usize = 64;
const CLASSES: usize = SMALL + 32;

/// The addresses of one simulation.
#[derive(Debug)]
pub struct Plane(usize);

static TAKEN: Mutex<u64> = Mutex::new(0);

impl Plane {
    /// The first plane that nobody uses; `None` if all are taken.
    pub fn take() -> Option<Arc<Plane>> {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let plane = taken.trailing_ones() as usize;
        (plane < PLANES).then(|| {
            *taken |= 1 << plane;
            Arc::new(Plane(plane))
        })
    }

    /// Whether its addresses can be had.
    pub fn works(self: &Arc<Plane>) -> bool {
        Arena::new(&Spot { plane: self.clone(), vm: 0 }).is_some()
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) &= !(1 << self.0);
    }
}

/// A place for one VM in a plane.
#[derive(Clone, Debug)]
pub struct Spot {
    /// the simulation's
    pub plane: Arc<Plane>,
    /// the number of the VM in it
    pub vm: u32,
}

/// See the module.
#[derive(Debug)]
pub struct Arena {
    start: *mut u8,
    /// bytes that were ever used
    used: usize,
    /// free blocks by class, each pointing to the next
    free: [*mut u8; CLASSES],
    /// keeps the addresses
    _plane: Arc<Plane>,
}

impl Arena {
    /// The addresses of a spot; `None` if something else lies there.
    pub fn new(spot: &Spot) -> Option<Arena> {
        let vm = spot.vm as usize;
        if vm >= VMS {
            return None;
        }
        let wanted = BASE + spot.plane.0 * VMS * SPAN + vm * SPAN;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED_NOREPLACE;
        // SAFETY: maps only addresses that nothing uses.
        let start = unsafe {
            mmap_anonymous(
                ptr::with_exposed_provenance_mut(wanted),
                SPAN,
                ProtFlags::READ | ProtFlags::WRITE,
                flags,
            )
        };
        let start = start.ok()?.cast::<u8>();
        let arena =
            Arena { start, used: 0, free: [ptr::null_mut(); CLASSES], _plane: spot.plane.clone() };
        // Systems that do not know the flag take the address as a hint.
        (start.addr() == wanted).then_some(arena)
    }

    /// The class of a size, and the bytes of its blocks.
    fn class(size: usize) -> (usize, usize) {
        let steps = size.div_ceil(STEP).max(1);
        match steps <= SMALL {
            true => (steps - 1, steps * STEP),
            false => {
                let block = size.next_power_of_two();
                (SMALL + (block.trailing_zeros() as usize - 11).min(31), block)
            }
        }
    }

    /// A block of at least `size` bytes; null when the range is used up.
    pub fn allocate(&mut self, size: usize) -> *mut c_void {
        let (class, block) = Arena::class(size);
        let free = self.free[class];
        if !free.is_null() {
            // SAFETY: a free block holds the next one of its class.
            self.free[class] = unsafe { free.cast::<*mut u8>().read() };
            return free.cast();
        }
        if block > SPAN - self.used {
            return ptr::null_mut();
        }
        // SAFETY: within the mapped range, as was just checked.
        let fresh = unsafe { self.start.add(self.used) };
        self.used += block;
        fresh.cast()
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` came from [`Arena::allocate`] with this size and is not used any more.
    pub unsafe fn free(&mut self, block: *mut c_void, size: usize) {
        let (class, _) = Arena::class(size);
        // SAFETY: the block is ours and at least 16 bytes large.
        unsafe { block.cast::<*mut u8>().write(self.free[class]) };
        self.free[class] = block.cast();
    }

    /// Whether a block of the first size has room for the second.
    pub fn fits(old: usize, new: usize) -> bool {
        Arena::class(old) == Arena::class(new)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the VM is closed; nothing points into its memory.
        let _ = unsafe { munmap(self.start.cast(), SPAN) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_requests_get_the_same_addresses() {
        let run = |plane: &Arc<Plane>| {
            let mut arena = Arena::new(&Spot { plane: plane.clone(), vm: 3 }).unwrap();
            let mut live: Vec<(*mut c_void, usize)> = Vec::new();
            let mut seen = Vec::new();
            for n in 0..2_000_usize {
                let size = (n * 7919) % 5000 + 1;
                let block = arena.allocate(size);
                // SAFETY: the block has that size.
                unsafe { block.cast::<u8>().write_bytes(0xAB, size) };
                seen.push(block.addr() as u32);
                live.push((block, size));
                if n % 3 == 0 {
                    let (block, size) = live.swap_remove(n % live.len());
                    // SAFETY: it came from this arena and is forgotten.
                    unsafe { arena.free(block, size) };
                }
            }
            seen
        };
        let (first, second) = (Plane::take().unwrap(), Plane::take().unwrap());
        assert_ne!(first.0, second.0);
        let seen = run(&first);
        assert_eq!(seen, run(&first));
        assert_eq!(seen, run(&second));
    }

    #[test]
    fn classes_hold_their_sizes() {
        for size in (1..5000).chain([1 << 20, (1 << 20) + 1, 512 << 20]) {
            let (class, block) = Arena::class(size);
            assert!(block >= size && class < CLASSES, "{size}");
            assert_eq!(Arena::class(block), (class, block), "{size}");
        }
    }
}
