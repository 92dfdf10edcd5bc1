//! Bytes into items: chunks come as the network cuts them, in the middle of a line or of a character.

use serde_json::{Map, Value};

use super::Framing;

/// Cuts a sequence into items.
#[derive(Debug)]
pub(super) struct Splitter {
    framing: Framing,
    buffer: Vec<u8>,
    /// Up to here the buffer has been handed out.
    start: usize,
    /// Up to here it holds no end of an item.
    scanned: usize,
    /// The most bytes of an item.
    limit: usize,
    event: Fields,
    /// The last byte was a carriage return: a line feed after it is no second end.
    after_return: bool,
    started: bool,
    /// The first record separator has been seen.
    in_record: bool,
}

/// Why there is no item.
#[derive(Debug)]
pub(super) enum Fault {
    Malformed(String),
    TooLarge,
}

/// The fields of an event so far.
#[derive(Debug, Default)]
struct Fields {
    data: Option<String>,
    event: Option<String>,
    id: Option<String>,
    retry: Option<u64>,
    size: usize,
}

impl Splitter {
    pub(super) fn new(framing: Framing, limit: usize) -> Self {
        Self {
            framing,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            limit,
            event: Fields::default(),
            after_return: false,
            started: false,
            in_record: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.scanned = self.scanned.saturating_sub(self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next item that is complete; `ended`: no further bytes will come.
    pub(super) fn next(&mut self, ended: bool) -> Result<Option<Value>, Fault> {
        match self.framing {
            Framing::Lines => self.line(ended),
            Framing::Records => self.record(ended),
            Framing::Events => self.event(),
        }
    }

    fn line(&mut self, ended: bool) -> Result<Option<Value>, Fault> {
        loop {
            let Some(line) = self.until(|byte| byte == b'\n', ended)? else { return Ok(None) };
            if !line.iter().all(u8::is_ascii_whitespace) {
                return json(&line).map(Some);
            }
        }
    }

    fn record(&mut self, ended: bool) -> Result<Option<Value>, Fault> {
        const SEPARATOR: u8 = 0x1e;
        loop {
            let Some(record) = self.until(|byte| byte == SEPARATOR, ended)? else { return Ok(None) };
            let was_in_record = std::mem::replace(&mut self.in_record, true);
            if record.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if !was_in_record {
                return Err(Fault::Malformed("a sequence starts with a record separator (RFC 7464)".to_owned()));
            }
            let value = json(&record)?;
            // A number or a word without anything after it may have lost its end (RFC 7464, section 2.4).
            let open = !matches!(value, Value::String(_) | Value::Array(_) | Value::Object(_));
            if open && !record.last().is_some_and(u8::is_ascii_whitespace) {
                return Err(Fault::Malformed("the record has no end".to_owned()));
            }
            return Ok(Some(value));
        }
    }

    fn event(&mut self) -> Result<Option<Value>, Fault> {
        loop {
            if self.after_return && self.start < self.buffer.len() {
                self.after_return = false;
                self.start += usize::from(self.buffer[self.start] == b'\n');
            }
            // What follows the last end of line is no line, and the event that it belongs to is dropped.
            let Some(position) = self.position(|byte| matches!(byte, b'\n' | b'\r'))? else {
                return Ok(None);
            };
            self.after_return = self.buffer[position] == b'\r';
            let line = self.take(position);
            let line = if std::mem::replace(&mut self.started, true) {
                &line[..]
            } else {
                line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line)
            };
            let Ok(line) = std::str::from_utf8(line) else {
                return Err(Fault::Malformed("it is not UTF-8".to_owned()));
            };
            if !line.is_empty() {
                self.event.add(line);
                if self.event.size > self.limit {
                    return Err(Fault::TooLarge);
                }
            } else if let Some(event) = std::mem::take(&mut self.event).into_value() {
                return Ok(Some(event));
            }
        }
    }

    /// The bytes before the next that `ends` an item, or all that are left at the end.
    fn until(&mut self, ends: impl Fn(u8) -> bool, ended: bool) -> Result<Option<Vec<u8>>, Fault> {
        match self.position(ends)? {
            Some(position) => Ok(Some(self.take(position))),
            None if ended && self.start < self.buffer.len() => Ok(Some(self.take(self.buffer.len()))),
            None => Ok(None),
        }
    }

    /// The bytes before a position, which is done with then.
    fn take(&mut self, position: usize) -> Vec<u8> {
        let taken = self.buffer[self.start..position].to_vec();
        self.start = (position + 1).min(self.buffer.len());
        taken
    }

    fn position(&mut self, ends: impl Fn(u8) -> bool) -> Result<Option<usize>, Fault> {
        let from = self.scanned.max(self.start);
        let found = self.buffer[from..].iter().position(|byte| ends(*byte)).map(|index| from + index);
        let end = found.unwrap_or(self.buffer.len());
        if end - self.start > self.limit {
            return Err(Fault::TooLarge);
        }
        self.scanned = end;
        Ok(found)
    }
}

impl Fields {
    fn add(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        self.size += value.len();
        match name {
            "data" => match &mut self.data {
                Some(data) => data.extend(["\n", value]),
                None => self.data = Some(value.to_owned()),
            },
            "event" => self.event = Some(value.to_owned()),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => self.retry = value.parse().ok(),
            // A comment (its name is empty), or a field that is none.
            _ => {}
        }
    }

    /// The event as JSON. A block without data or type only sets how to connect again.
    fn into_value(self) -> Option<Value> {
        if self.data.is_none() && self.event.is_none() {
            return None;
        }
        let mut object = Map::new();
        let texts = [("data", self.data), ("event", self.event), ("id", self.id)];
        object.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?)))));
        if let Some(retry) = self.retry {
            object.insert("retry".to_owned(), retry.into());
        }
        Some(Value::Object(object))
    }
}

/// An event whose `data` is read as JSON, where it is some.
pub(super) fn with_json_data(event: &Value) -> Option<Value> {
    let data = serde_json::from_str(event.get("data")?.as_str()?).ok()?;
    let mut event = event.clone();
    event["data"] = data;
    Some(event)
}

/// An item as bytes, with what ends it.
pub(super) fn write(framing: Framing, item: &Value) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let json = |bytes: &mut Vec<u8>| serde_json::to_writer(bytes, item).map_err(|error| error.to_string());
    match framing {
        Framing::Lines => json(&mut bytes)?,
        Framing::Records => {
            bytes.push(0x1e);
            json(&mut bytes)?;
        }
        Framing::Events => return write_event(item).map(String::into_bytes),
    }
    bytes.push(b'\n');
    Ok(bytes)
}

fn write_event(event: &Value) -> Result<String, String> {
    let mut text = String::new();
    for name in ["event", "id"] {
        match event.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(value)) if !value.contains(['\n', '\r', '\0']) => {
                text.push_str(&format!("{name}: {value}\n"));
            }
            Some(_) => return Err(format!("`{name}` of an event must be a text of one line")),
        }
    }
    match event.get("retry") {
        None | Some(Value::Null) => {}
        Some(retry) => match retry.as_u64() {
            Some(milliseconds) => text.push_str(&format!("retry: {milliseconds}\n")),
            None => return Err("`retry` of an event must be a number of milliseconds".to_owned()),
        },
    }
    let data = match event.get("data") {
        None => None,
        Some(Value::String(data)) => Some(data.clone()),
        Some(data) => Some(data.to_string()),
    };
    for line in data.iter().flat_map(|data| lines(data)) {
        text.push_str(&format!("data: {line}\n"));
    }
    text.push('\n');
    Ok(text)
}

/// Lines that end with a line feed, a carriage return, or both. An event knows line feeds only.
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\n', '\r']) {
        lines.push(&rest[..end]);
        rest = &rest[end..];
        rest = rest.strip_prefix("\r\n").unwrap_or_else(|| &rest[1..]);
    }
    lines.push(rest);
    lines
}

fn json(bytes: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(bytes).map_err(|error| Fault::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    /// Whatever the pieces, the items are the same.
    fn check(framing: Framing, text: &str, expected: &Value) {
        for size in 1..=text.len() {
            let mut splitter = Splitter::new(framing, 100);
            let mut items = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                splitter.push(piece);
                while let Some(item) = splitter.next(false).unwrap() {
                    items.push(item);
                }
            }
            while let Some(item) = splitter.next(true).unwrap() {
                items.push(item);
            }
            assert_eq!(Value::Array(items), *expected, "{text:?} in pieces of {size}");
        }
    }

    fn fault(framing: Framing, text: &str, ended: bool) -> Fault {
        let mut splitter = Splitter::new(framing, 10);
        splitter.push(text.as_bytes());
        loop {
            match splitter.next(ended) {
                Ok(item) => assert!(item.is_some(), "{text:?} has no fault"),
                Err(fault) => return fault,
            }
        }
    }

    #[test]
    fn lines_are_items() {
        check(Framing::Lines, "", &json!([]));
        check(Framing::Lines, "\n \r\n", &json!([]));
        check(Framing::Lines, "{\"a\":\"ü💙\"}\r\n\n[1]\n2", &json!([{ "a": "ü💙" }, [1], 2]));
        check(Framing::Lines, "null\n", &json!([null]));
        assert!(matches!(fault(Framing::Lines, "1 2\n", false), Fault::Malformed(_)));
        assert!(matches!(fault(Framing::Lines, "\"12345678901", false), Fault::TooLarge));
    }

    #[test]
    fn records_are_items() {
        check(Framing::Records, "\u{1e}{\"a\":\n1}\n\u{1e}\u{1e}\"b\"\n\u{1e}3\n", &json!([{ "a": 1 }, "b", 3]));
        assert!(matches!(fault(Framing::Records, "1\n\u{1e}", false), Fault::Malformed(_)));
        assert!(matches!(fault(Framing::Records, "\u{1e}12", true), Fault::Malformed(_)));
    }

    #[test]
    fn events_are_items() {
        check(
            Framing::Events,
            "\u{feff}: hello\n\ndata: a\ndata:b\ndata\nid: 1\n\nevent: x\rdata: ü💙\r\rid: 2\r\n\r\nretry: 5\r\nretry: no\r\ndata:  c\r\n\r\ndata: lost\n",
            &json!([
                { "data": "a\nb\n", "id": "1" },
                { "data": "ü💙", "event": "x" },
                { "data": " c", "retry": 5 },
            ]),
        );
        check(Framing::Events, "data\n\n", &json!([{ "data": "" }]));
        assert!(matches!(fault(Framing::Events, "data: 12345678901\n\n", false), Fault::TooLarge));
        assert!(matches!(fault(Framing::Events, "data: 1234\ndata: 1234\ndata: 1234\n\n", false), Fault::TooLarge));
    }

    #[test]
    fn what_is_written_is_read() {
        let items = json!([{ "data": "a\nb" }, { "data": "", "event": "e", "id": "", "retry": 0 }, { "event": "e" }]);
        for (framing, items) in [
            (Framing::Events, items),
            (Framing::Lines, json!([1, "a\nb", null, {}])),
            (Framing::Records, json!([1, "\u{1e}\n", null, {}])),
        ] {
            let bytes: Vec<u8> =
                items.as_array().unwrap().iter().flat_map(|item| write(framing, item).unwrap()).collect();
            check(framing, &String::from_utf8(bytes).unwrap(), &items);
        }
        assert!(write(Framing::Events, &json!({ "data": 1, "id": "a\nb" })).is_err());
        assert_eq!(write(Framing::Events, &json!({ "data": { "a": 1 } })).unwrap(), b"data: {\"a\":1}\n\n");
    }
}
