//! Where a page ended, as a text that clients hand back unread.
//!
//! Keyset pagination: a cursor is the sort key of the last item of a page, so the next page costs the same however far one has
//! read, and what is created or deleted meanwhile neither repeats nor hides other items. It is not signed: whoever makes one up
//! pages through what is theirs from another place.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The first and the last microsecond that a cursor leads to, the years 0 to 9999: the database knows all of them. A made-up
/// cursor beyond is one before everything or after it.
const FIRST: i64 = -62_167_219_200_000_000;
const LAST: i64 = 253_402_300_799_999_999;

/// The sort key of the last item of a page: lists are ordered by creation, the newest first, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the item was created, to the microsecond as the database keeps it.
    pub created_at: DateTime<Utc>,
    /// The item.
    pub id: Uuid,
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor that this service gave out")]
pub struct InvalidCursor;

/// A page, and where the next one starts.
#[derive(Debug)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last one.
    pub next: Option<String>,
}

impl Cursor {
    /// As text: base64url of the microseconds since 1970 and the id, 32 characters.
    pub fn encode(&self) -> String {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.created_at.timestamp_micros().to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// From text.
    ///
    /// # Errors
    ///
    /// [`InvalidCursor`] for what is not 32 characters of base64url; the contract lets nothing else through.
    pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
        let bytes: [u8; 24] =
            URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(InvalidCursor)?;
        let (micros, id) = bytes.split_at(8);
        let micros = i64::from_be_bytes(micros.try_into().map_err(|_| InvalidCursor)?);
        let created_at = DateTime::from_timestamp_micros(micros.clamp(FIRST, LAST)).ok_or(InvalidCursor)?;
        Ok(Self { created_at, id: Uuid::from_slice(id).map_err(|_| InvalidCursor)? })
    }
}

impl<T> Page<T> {
    /// A page of at most `limit` items out of rows that were fetched with a limit of one more: the extra row only says that
    /// there is a next page.
    pub fn new(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> Cursor) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(|item| key(item).encode()) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::Datelike as _;

    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_nothing_else_is_one() {
        let cursor = Cursor {
            created_at: DateTime::from_timestamp_micros(1_795_000_000_123_456).unwrap(),
            id: Uuid::from_u128(0x0193_9b8e_6c00_7d4e_9b3a_0d6f_6f1f_2a3b),
        };
        let text = cursor.encode();
        assert_eq!(text.len(), 32);
        assert_eq!(Cursor::decode(&text), Ok(cursor));
        for wrong in ["", "x", "====", &text[..31], &format!("{text}A"), &"=".repeat(32), &"A".repeat(30)] {
            assert_eq!(Cursor::decode(wrong), Err(InvalidCursor), "{wrong}");
        }
    }

    /// The contract's pattern for cursors is all that it promises, so each text of that pattern has to lead somewhere.
    #[test]
    fn a_made_up_cursor_leads_somewhere() {
        for (made_up, year) in
            [("f".repeat(32), 9999), ("A".repeat(32), 1970), ("_".repeat(32), 1969), ("g".repeat(32), 0)]
        {
            assert_eq!(Cursor::decode(&made_up).unwrap().created_at.year(), year, "{made_up}");
        }
    }

    #[test]
    fn a_page_knows_whether_there_is_another() {
        let key = |item: &u128| Cursor { created_at: DateTime::UNIX_EPOCH, id: Uuid::from_u128(*item) };
        let page = Page::new(vec![1, 2, 3], 2, key);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(Cursor::decode(&page.next.unwrap()).unwrap().id, Uuid::from_u128(2));
        assert!(Page::new(vec![1, 2], 2, key).next.is_none());
        assert!(Page::new(Vec::new(), 2, key).next.is_none());
    }
}
