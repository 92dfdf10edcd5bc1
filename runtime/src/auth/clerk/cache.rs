//! Tokens that were verified a moment ago.
//!
//! A client sends the same token with every request of its minute. What was proved is remembered under the token's SHA-256, so
//! that memory holds no token and a lookup takes no time that depends on one. Refusals are not remembered: whoever sends
//! rubbish would otherwise push out what is good.
//!
//! An entry ends with the token (`exp`, without Clerk's five seconds of skew), and at the latest a minute after the
//! verification: by then a key that was withdrawn, or an API key that was revoked, is noticed.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{Context, SHA256};

use crate::auth::Caller;

/// What a token is remembered by.
pub(super) type Key = [u8; 32];

/// The cache; bounded, see the module's text.
pub(super) struct TokenCache {
    /// Several, so that cores do not wait for each other.
    shards: [Mutex<Shard>; SHARDS],
    /// Tokens that one half of a shard holds at most.
    half: usize,
    life_ms: f64,
}

const SHARDS: usize = 16;

/// Two halves: what is new or was asked for goes to the first; when it is full, it takes the place of the second, and what
/// nobody asked for meanwhile is gone. As good as the order of last use, and each step costs the same.
#[derive(Default)]
struct Shard {
    recent: HashMap<Key, Entry>,
    older: HashMap<Key, Entry>,
}

struct Entry {
    caller: Caller,
    since_ms: f64,
    until_ms: f64,
}

impl TokenCache {
    /// Room for at most `tokens`; each for at most `life_ms`.
    pub(super) fn new(tokens: usize, life_ms: f64) -> Self {
        Self { shards: Default::default(), half: (tokens / SHARDS / 2).max(1), life_ms }
    }

    /// What a token is remembered by. `context` is what else the verdict depends on.
    pub(super) fn key(token: &str, context: &[&str]) -> Key {
        let mut digest = Context::new(&SHA256);
        for text in context {
            digest.update(text.as_bytes());
            digest.update(&[0]);
        }
        digest.update(token.as_bytes());
        let mut key = Key::default();
        key.copy_from_slice(digest.finish().as_ref());
        key
    }

    /// Whom the token was found to prove. A clock that was set back forgets.
    pub(super) fn get(&self, key: &Key, now_ms: f64) -> Option<Caller> {
        let mut shard = self.shard(key);
        let is_current = |entry: &Entry| entry.since_ms <= now_ms && now_ms < entry.until_ms;
        if let Some(entry) = shard.recent.get(key) {
            return is_current(entry).then(|| entry.caller.clone());
        }
        let entry = shard.older.remove(key).filter(is_current)?;
        let caller = entry.caller.clone();
        self.put(&mut shard, *key, entry);
        Some(caller)
    }

    /// Remembers whom a token proves, until it ends.
    pub(super) fn insert(&self, key: Key, caller: &Caller, now_ms: f64) {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 that are a date are below 2^53")]
        let expires_ms = caller.expires().map_or(f64::INFINITY, |seconds| seconds as f64 * 1_000.0);
        let until_ms = expires_ms.min(now_ms + self.life_ms);
        if until_ms > now_ms {
            let entry = Entry { caller: caller.clone(), since_ms: now_ms, until_ms };
            self.put(&mut self.shard(&key), key, entry);
        }
    }

    fn put(&self, shard: &mut Shard, key: Key, entry: Entry) {
        if shard.recent.len() >= self.half && !shard.recent.contains_key(&key) {
            shard.older = std::mem::take(&mut shard.recent);
        }
        shard.recent.insert(key, entry);
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        // What a panic left behind is a whole map all the same.
        self.shards[usize::from(key[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let count = |shard: &Mutex<Shard>| shard.lock().map_or(0, |shard| shard.recent.len() + shard.older.len());
        self.shards.iter().map(count).sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::auth::{CallerParts, UserId};

    fn caller(expires: Option<i64>) -> Caller {
        let mut parts = CallerParts::new(UserId::from_verified("user_1").unwrap(), "test");
        parts.expires = expires;
        Caller::new(parts)
    }

    #[test]
    fn an_entry_ends_with_the_token_and_after_its_life() {
        let cache = TokenCache::new(64, 60_000.0);
        for (expires, last_ms, first_ms_without) in [
            (Some(1_030), 1_029_999.0, 1_030_000.0),
            (Some(5_000), 1_059_999.0, 1_060_000.0),
            (None, 1_059_999.0, 1_060_000.0),
        ] {
            let key = TokenCache::key(&format!("{expires:?}"), &[]);
            cache.insert(key, &caller(expires), 1_000_000.0);
            assert!(cache.get(&key, 1_000_000.0).is_some());
            assert!(cache.get(&key, last_ms).is_some(), "{expires:?}");
            assert!(cache.get(&key, first_ms_without).is_none(), "{expires:?}");
            assert!(cache.get(&key, 999_999.0).is_none(), "a clock set back");
        }
        // Already over: within the skew a token is good, and not worth remembering.
        let key = TokenCache::key("over", &[]);
        cache.insert(key, &caller(Some(1_000)), 1_000_000.0);
        assert!(cache.get(&key, 1_000_000.0).is_none());
    }

    #[test]
    fn an_entry_ends_in_the_older_half_too() {
        let cache = TokenCache::new(1, 60_000.0);
        let mut keys = (0..).map(|number| TokenCache::key(&number.to_string(), &[])).filter(|key| key[0] % 16 == 0);
        let (first, second) = (keys.next().unwrap(), keys.next().unwrap());
        cache.insert(first, &caller(None), 0.0);
        cache.insert(second, &caller(None), 0.0);
        assert!(cache.get(&first, 60_000.0).is_none());
        assert!(cache.get(&second, 59_999.0).is_some());
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_asked_for() {
        let cache = TokenCache::new(320, 60_000.0);
        let wanted = TokenCache::key("wanted", &[]);
        cache.insert(wanted, &caller(None), 0.0);
        for number in 0..10_000 {
            cache.insert(TokenCache::key(&number.to_string(), &[]), &caller(None), 0.0);
            assert!(cache.get(&wanted, 0.0).is_some(), "{number}");
        }
        assert!((160..=320).contains(&cache.len()), "{}", cache.len());
    }

    #[test]
    fn what_the_verdict_depends_on_is_part_of_the_key() {
        let keys = [("token", ["a", "b"]), ("token", ["ab", ""]), ("token", ["a", "c"]), ("tokens", ["a", "b"])]
            .map(|(token, context)| TokenCache::key(token, &context));
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{index}");
        }
    }
}
