//! JSON as it is checked, and as schemas are written.

use crate::codec::Sink;

/// A JSON value. It is at most [`codec::DEPTH`](crate::codec::DEPTH) deep.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    Null,
    Boolean(bool),
    Number(f64),
    Text(Box<str>),
    List(Vec<Document>),
    /// sorted by key, each key once
    Map(Vec<(Box<str>, Document)>),
}

impl Document {
    /// The value of a key, if it is a map.
    pub fn get(&self, key: &str) -> Option<&Document> {
        let map = self.map()?;
        let at = map.binary_search_by(|(name, _)| (**name).cmp(key)).ok()?;
        Some(&map[at].1)
    }

    /// The entries of a map. An empty table of Lua is an empty list, and a map too.
    pub fn map(&self) -> Option<&[(Box<str>, Document)]> {
        match self {
            Document::Map(map) => Some(map),
            Document::List(list) if list.is_empty() => Some(&[]),
            _ => None,
        }
    }

    pub fn list(&self) -> Option<&[Document]> {
        match self {
            Document::List(list) => Some(list),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Document::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in the words of JSON Schema.
    pub fn kind(&self) -> &'static str {
        match self {
            Document::Null => "null",
            Document::Boolean(_) => "boolean",
            Document::Number(_) => "number",
            Document::Text(_) => "string",
            Document::List(_) => "array",
            Document::Map(_) => "object",
        }
    }

    /// Values in it, itself included.
    pub fn count(&self) -> usize {
        match self {
            Document::List(list) => 1 + list.iter().map(Document::count).sum::<usize>(),
            Document::Map(map) => 1 + map.iter().map(|(_, part)| part.count()).sum::<usize>(),
            _ => 1,
        }
    }

    /// Appends bytes that are the same for equal values only.
    pub fn write_key(&self, out: &mut Vec<u8>) {
        match self {
            Document::Null => out.push(b'n'),
            Document::Boolean(value) => out.push(if *value { b't' } else { b'f' }),
            Document::Number(number) => {
                out.push(b'd');
                // Adding zero makes -0 and 0 one number.
                out.extend_from_slice(&(number + 0.0).to_bits().to_be_bytes());
            }
            Document::Text(text) => {
                out.push(b's');
                out.extend_from_slice(&text.len().to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Document::List(list) => {
                out.push(b'[');
                list.iter().for_each(|part| part.write_key(out));
                out.push(b']');
            }
            Document::Map(map) => {
                out.push(b'{');
                for (key, part) in map {
                    out.extend_from_slice(&key.len().to_be_bytes());
                    out.extend_from_slice(key.as_bytes());
                    part.write_key(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// Makes a [`Document`].
#[derive(Debug, Default)]
pub struct DocumentSink {
    waiting: Vec<Document>,
}

impl DocumentSink {
    /// The value that was taken.
    pub fn finish(mut self) -> Document {
        self.taken()
    }

    fn taken(&mut self) -> Document {
        self.waiting.pop().unwrap_or(Document::Null)
    }
}

impl Sink for DocumentSink {
    type Open = Document;

    fn nil(&mut self) {
        self.waiting.push(Document::Null);
    }
    fn boolean(&mut self, value: bool) {
        self.waiting.push(Document::Boolean(value));
    }
    fn number(&mut self, value: f64) {
        self.waiting.push(Document::Number(value));
    }
    fn text(&mut self, value: &[u8]) {
        self.waiting.push(Document::Text(String::from_utf8_lossy(value).into()));
    }
    fn open_list(&mut self) -> Document {
        Document::List(Vec::new())
    }
    fn open_map(&mut self) -> Document {
        Document::Map(Vec::new())
    }
    fn element(&mut self, open: &mut Document) {
        let part = self.taken();
        if let Document::List(list) = open {
            list.push(part);
        }
    }
    fn entry(&mut self, open: &mut Document) {
        let part = self.taken();
        if let (Document::Map(map), Document::Text(key)) = (open, self.taken()) {
            map.push((key, part));
        }
    }
    fn close(&mut self, mut open: Document) {
        if let Document::Map(map) = &mut open {
            // The sort is stable, so that of equal keys the last one stays.
            map.reverse();
            map.sort_by(|(a, _), (b, _)| a.cmp(b));
            map.dedup_by(|(later, _), (earlier, _)| later == earlier);
        }
        self.waiting.push(open);
    }
}
