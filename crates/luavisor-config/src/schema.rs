//! Unknown keys: almost always a misspelt one, so they are never passed over in
//! silence.

use crate::diagnostic::{Level, Problem, Problems};
use crate::kinds::{Key, Keys};
use crate::suggest;
use crate::yaml::Node;

/// Reports every key below `node` that the table does not know. `owner` is what
/// the keys belong to, such as a kind or `lifecycle`.
pub(crate) fn unknown_keys(problems: &mut Problems, node: &Node, keys: Keys, owner: &str) {
    for field in node.fields().unwrap_or_default() {
        match keys.iter().find(|key| key.name() == &*field.key) {
            None => unknown_key(problems, field, keys.iter().map(Key::name), owner),
            Some(Key::Any(_)) => {}
            Some(Key::Map(name, keys)) => unknown_keys(problems, &field.value, keys, name),
            Some(Key::List(name, keys)) => {
                for node in field.value.list().unwrap_or_default() {
                    unknown_keys(problems, node, keys, name);
                }
            }
        }
    }
}

/// Reports one unknown key.
pub(crate) fn unknown_key<'a>(
    problems: &mut Problems,
    field: &crate::yaml::Field,
    known: impl IntoIterator<Item = &'a str>,
    owner: &str,
) {
    let message = format!("unknown key \"{}\" in {owner}", field.key);
    let problem = Problem::new(Level::Strict, field.key_span, message);
    problems.push(problem.hint(suggest::hint(&field.key, known)));
}
