//! The nearest name: what somebody probably meant to write.

/// The candidate that is fewest edits away from `word`, if it is near enough:
/// at most one edit for three letters. Of equally near ones the first wins.
///
/// An edit is an insertion, a removal, a replacement or a swap of neighbours
/// (optimal string alignment distance); case does not count.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(64).flat_map(char::to_lowercase).collect();
    let allowed = (word.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let bound = best.map_or(allowed, |(distance, _)| distance.saturating_sub(1));
        let letters: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
        if letters.is_empty() || letters.len().abs_diff(word.len()) > bound {
            continue;
        }
        let distance = distance(&word, &letters);
        if distance <= bound && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    // A word of one or two letters has no likeness to speak of with others of its length.
    best.filter(|(distance, name)| *distance < word.len().min(name.chars().count()).max(1))
        .map(|(_, name)| name)
}

/// `did you mean "x"?` for the nearest candidate.
pub fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|name| format!("did you mean \"{name}\"?"))
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i);
        for j in 1..=b.len() {
            let replace = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replace.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_if_it_is_near() {
        let kinds = ["process.lua", "process.host", "library.lua"];
        for (word, expected) in [
            ("process.lau", Some("process.lua")),
            ("Process.Lua", Some("process.lua")),
            ("proces.hots", Some("process.host")),
            ("sql", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, kinds), expected, "{word}");
        }
        assert_eq!(nearest("oi", ["ab", "io"]), Some("io"));
        assert_eq!(nearest("x", ["y"]), None);
    }
}
