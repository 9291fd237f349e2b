//! Each target with mutations of its seeds: the same ones every time.

use luavisor_fuzz::{TARGETS, Target};

/// Inputs of each target.
const INPUTS: usize = 1500;

/// What is put into inputs.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\t",
    b" ",
    b"\"",
    b"'",
    b"\\",
    b"`",
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b"<",
    b">",
    b":",
    b": ",
    b"- ",
    b"-",
    b"*x",
    b"&x",
    b"<<: *x",
    b"|",
    b"?",
    b"*",
    b"+",
    b"(?i)",
    b"\\p{L}",
    b"{1000}",
    b"--[[",
    b"]]",
    b"end",
    b"type T = ",
    b"@min(",
    b"1e999",
    b"-0",
    b"9223372036854775808",
    b"null",
    b"~",
    b"%",
    b"$1",
    b"\xff",
    b"\xc3",
    b"\xc3\xa9",
    b"\xed\xa0\x80",
    b"\x7f\xff\xff\xff",
    b"---\n",
    b"file://",
    b"${A}",
    b"\xef\xbb\xbf",
    b"\xdf\xff\xff\xff\xff",
];

fn mutated(random: &mut fastrand::Rng, target: &Target) -> Vec<u8> {
    let seed = |random: &mut fastrand::Rng| target.seeds[random.usize(..target.seeds.len())];
    let mut data = seed(random).to_vec();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=data.len());
        let end = (at + random.usize(1..40)).min(data.len());
        match random.u8(..7) {
            0 if at < data.len() => data[at] = random.u8(..),
            1 if at < data.len() => data[at] ^= 1 << random.u8(..8),
            2 => drop(data.drain(at..end)),
            3 => {
                let copy = data[at..end].to_vec();
                let to = random.usize(..=data.len());
                data.splice(to..to, copy.repeat(random.usize(1..20)));
            }
            4 => {
                let piece = PIECES[random.usize(..PIECES.len())];
                data.splice(at..at, piece.repeat(random.usize(1..4)));
            }
            5 => {
                let other = seed(random);
                let from = random.usize(..other.len());
                data.splice(at..at, other[from..].iter().copied());
            }
            _ => data.truncate(at),
        }
    }
    data
}

fn survives(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("no target {name}"));
    for seed in target.seeds {
        (target.run)(seed);
    }
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..INPUTS {
        let data = mutated(&mut random, target);
        let tried = std::panic::catch_unwind(|| (target.run)(&data));
        assert!(tried.is_ok(), "{name}: {:?}", String::from_utf8_lossy(&data));
    }
}

macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test] fn $name() { survives(stringify!($name)); })*

        #[test]
        fn none_is_left_out() {
            let tried = [$(stringify!($name)),*];
            let left_out = TARGETS.iter().find(|target| !tried.contains(&target.name));
            assert!(left_out.is_none_or(|target| panic!("{} is not tried", target.name)));
        }
    };
}

tests! { dialect config expr json yaml payload compress crypto text templates registry small }
