//! In which order things start that depend on each other.
//!
//! Things are numbers from 0; `dependencies[n]` lists what must be up before
//! `n`. [`levels`] puts each thing one level above its highest dependency, so
//! the things of one level can start in parallel, and stopping walks the same
//! levels backwards. The work is linear and never recurses, whatever the length
//! of a chain.

/// A chain of dependencies that comes back to its first member: each member
/// depends on the next one and the last one on the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<usize>);

/// The levels in starting order, each in ascending order of its numbers.
///
/// Dependencies outside `0..dependencies.len()` are ignored.
///
/// # Errors
/// One cycle, if there is any.
///
/// ```
/// use luavisor_core::startplan::levels;
/// let host = vec![];
/// let database = vec![0];
/// let web = vec![0, 1];
/// assert_eq!(levels(&[host, database, web]), Ok(vec![vec![0], vec![1], vec![2]]));
/// ```
pub fn levels(dependencies: &[Vec<usize>]) -> Result<Vec<Vec<usize>>, Cycle> {
    let count = dependencies.len();
    let mut missing = vec![0_usize; count];
    let mut dependants = vec![Vec::new(); count];
    for (thing, needs) in dependencies.iter().enumerate() {
        for &need in needs.iter().filter(|need| **need < count) {
            missing[thing] += 1;
            dependants[need].push(thing);
        }
    }
    let mut levels = Vec::new();
    let mut placed = 0;
    let mut level: Vec<usize> = (0..count).filter(|thing| missing[*thing] == 0).collect();
    while !level.is_empty() {
        placed += level.len();
        let mut next = Vec::new();
        for &thing in &level {
            for &dependant in &dependants[thing] {
                missing[dependant] -= 1;
                if missing[dependant] == 0 {
                    next.push(dependant);
                }
            }
        }
        next.sort_unstable();
        levels.push(std::mem::replace(&mut level, next));
    }
    if placed == count { Ok(levels) } else { Err(cycle(dependencies, &missing)) }
}

/// Follows unmet dependencies until one comes up again. Everything that is not
/// placed has an unmet dependency, so the walk cannot end before.
fn cycle(dependencies: &[Vec<usize>], missing: &[usize]) -> Cycle {
    let unmet = |thing: &usize| missing.get(*thing).is_some_and(|n| *n > 0);
    let mut position = vec![None; dependencies.len()];
    let mut path = Vec::new();
    let mut current = (0..dependencies.len()).find(unmet);
    while let Some(thing) = current {
        if let Some(start) = position[thing] {
            return Cycle(path.split_off(start));
        }
        position[thing] = Some(path.len());
        path.push(thing);
        current = dependencies[thing].iter().copied().find(|need| unmet(need));
    }
    Cycle(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_things_share_a_level() {
        assert_eq!(levels(&[vec![], vec![], vec![0], vec![0, 2]]), {
            Ok(vec![vec![0, 1], vec![2], vec![3]])
        });
        assert_eq!(levels(&[]), Ok(vec![]));
    }

    #[test]
    fn a_dependency_named_twice_counts_once_for_the_order() {
        assert_eq!(levels(&[vec![], vec![0, 0]]), Ok(vec![vec![0], vec![1]]));
    }

    #[test]
    fn a_cycle_is_named_without_what_leads_to_it() {
        assert_eq!(levels(&[vec![1], vec![2], vec![3], vec![1]]), Err(Cycle(vec![1, 2, 3])));
        assert_eq!(levels(&[vec![0]]), Err(Cycle(vec![0])));
    }

    #[test]
    fn a_chain_of_a_million_does_not_recurse() {
        let chain: Vec<Vec<usize>> =
            (0..1_000_000_usize).map(|n| n.checked_sub(1).into_iter().collect()).collect();
        assert_eq!(levels(&chain).map(|levels| levels.len()), Ok(1_000_000));
    }
}
