//! The randomness seam: every random bit of the runtime comes from one seed.

/// A source of random numbers that can be seeded.
pub trait Rng: Send {
    /// 64 random bits.
    fn next(&mut self) -> u64;
    /// A number below `bound`, which is not zero.
    fn below(&mut self, bound: u64) -> u64 {
        // The bias is below 2^-32 for every bound the runtime uses.
        self.next() % bound
    }
}

/// Fast and not for secrets.
#[derive(Clone, Debug)]
pub struct FastRng(fastrand::Rng);

impl FastRng {
    /// The sequence that belongs to `seed`.
    pub fn seeded(seed: u64) -> FastRng {
        FastRng(fastrand::Rng::with_seed(seed))
    }

    /// A sequence nobody can foretell.
    pub fn from_entropy() -> FastRng {
        FastRng(fastrand::Rng::new())
    }

    /// An independent sequence, determined by this one.
    pub fn fork(&mut self) -> FastRng {
        FastRng(self.0.fork())
    }
}

impl Rng for FastRng {
    fn next(&mut self) -> u64 {
        self.0.u64(..)
    }
}
