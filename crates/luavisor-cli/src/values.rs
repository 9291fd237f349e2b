//! Values of programs as JSON, for people.

use luavisor::{Table, Value, Values};
use serde_json::{Map, Value as Json, json};

/// Tables in tables that are shown.
const DEPTH: usize = 8;

/// The first of the values.
pub fn first(values: &Values) -> Json {
    values.items.first().map_or(Json::Null, |value| shown(values, value, DEPTH))
}

/// All of the values.
pub fn all(values: &Values) -> Json {
    values.items.iter().map(|value| shown(values, value, DEPTH)).collect()
}

fn shown(all: &Values, value: &Value, depth: usize) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            json!(*number as i64)
        }
        Value::Number(number) => json!(number),
        Value::String(text) => String::from_utf8_lossy(text).into(),
        Value::Table(_) if depth == 0 => "…".into(),
        Value::Table(index) => match all.tables.get(*index as usize) {
            Some(table) => table_shown(all, table, depth - 1),
            None => Json::Null,
        },
        Value::Vector(parts) => json!(parts),
        other => format!("{other:?}").into(),
    }
}

fn table_shown(all: &Values, table: &Table, depth: usize) -> Json {
    if table.hash.is_empty() {
        return table.array.iter().map(|value| shown(all, value, depth)).collect();
    }
    let keyed = table.hash.iter().map(|(key, value)| {
        let key = match shown(all, key, 0) {
            Json::String(key) => key,
            other => other.to_string(),
        };
        (key, shown(all, value, depth))
    });
    let listed = table.array.iter().enumerate();
    let listed = listed.map(|(place, value)| ((place + 1).to_string(), shown(all, value, depth)));
    Json::Object(listed.chain(keyed).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_whatever_they_are() {
        let hash =
            vec![(Value::from("code"), Value::Number(5.0)), (Value::Number(2.5), Value::Table(0))];
        let table = Table { array: vec![Value::Boolean(true), Value::Number(0.5)], hash };
        let values = Values { items: [Value::Table(0)].into_iter().collect(), tables: vec![table] };
        let text = first(&values).to_string();
        assert!(text.starts_with(r#"{"1":true,"2":0.5,"code":5,"2.5":{"1":true"#), "{text}");
        assert!(text.contains('…'), "{text}");
        assert_eq!(first(&Values::none()), Json::Null);
    }
}
