//! Sequences of items, both ways.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt as _, channel::mpsc, stream};
use specwright_exchange::{
    sequences::{client, server, types},
    serve,
};
use specwright_runtime::{
    failure::Failure,
    sequence::{Event, ItemError, ItemSource},
    service::Service,
};
use types::Entry;

#[derive(Clone, Default)]
struct Journal {
    entries: Arc<Mutex<Vec<Entry>>>,
    /// Texts of `appendText`.
    text: Arc<Mutex<Vec<u8>>>,
}

fn entry(level: i64, text: &str) -> Entry {
    Entry { level, text: text.into(), received: None, secret: None }
}

impl server::logs::LogsApi for Journal {
    async fn read_logs(
        &self,
        request: server::logs::ReadLogsRequest,
    ) -> Result<server::logs::ReadLogsResponse, Failure> {
        let entries = self.entries.lock().unwrap().clone();
        Ok(server::logs::ReadLogsResponse::Ok(match request.accept {
            server::logs::ReadLogsAccept::Jsonl => server::logs::ReadLogsOkBody::Jsonl(entries.into()),
            server::logs::ReadLogsAccept::JsonSeq => server::logs::ReadLogsOkBody::JsonSeq(entries.into()),
        }))
    }

    async fn write_logs(
        &self,
        mut request: server::logs::WriteLogsRequest,
    ) -> Result<server::logs::WriteLogsResponse, Failure> {
        let mut count = 0;
        while let Some(entry) = request.body.try_next().await? {
            self.entries.lock().unwrap().push(entry);
            count += 1;
        }
        Ok(server::logs::WriteLogsResponse::Ok(count))
    }

    async fn replace_logs(
        &self,
        request: server::logs::ReplaceLogsRequest,
    ) -> Result<server::logs::ReplaceLogsResponse, Failure> {
        let entries = match request.body {
            None => Vec::new(),
            Some(server::logs::ReplaceLogsBody::Json(entries)) => entries,
            Some(server::logs::ReplaceLogsBody::JsonSeq(mut items)) => {
                let mut entries = Vec::new();
                while let Some(entry) = items.try_next().await? {
                    entries.push(entry);
                }
                entries
            }
        };
        *self.entries.lock().unwrap() = entries;
        Ok(server::logs::ReplaceLogsResponse::NoContent)
    }

    async fn append_text(
        &self,
        request: server::logs::AppendTextRequest,
    ) -> Result<server::logs::AppendTextResponse, Failure> {
        let mut body = request.body.into_data_stream();
        while let Some(chunk) = body.next().await {
            self.text.lock().unwrap().extend_from_slice(&chunk?);
        }
        Ok(server::logs::AppendTextResponse::NoContent)
    }
}

impl server::events::EventsApi for Journal {
    async fn watch(&self, _: server::events::WatchRequest) -> Result<server::events::WatchResponse, Failure> {
        let entries = self.entries.lock().unwrap().clone();
        let events = entries.into_iter().enumerate().map(|(index, data)| types::WatchResponseItem {
            data,
            event: Some(types::WatchResponseItemEvent::Added),
            id: Some(index.to_string()),
        });
        Ok(server::events::WatchResponse::Ok(ItemSource::new(stream::iter(events.collect::<Vec<_>>()))))
    }

    async fn converse(
        &self,
        request: server::events::ConverseRequest,
    ) -> Result<server::events::ConverseResponse, Failure> {
        // Answers while the request is still on its way.
        let said = request.body.map(|item| {
            let event = item.map_err(|error| error.to_string())?;
            Ok::<_, String>(types::ConverseResponseItem::Said(types::Said {
                event: types::SaidEvent::Said,
                data: format!("{}\n{}", event.data.text, event.id.unwrap_or_default()),
            }))
        });
        let done = types::Done { event: types::DoneEvent::Done, data: types::DoneData { count: 2 } };
        let items = said.chain(stream::iter([Ok(types::ConverseResponseItem::Done(done))]));
        Ok(server::events::ConverseResponse::Ok(ItemSource::fallible(items)))
    }

    async fn tick(&self, _: server::events::TickRequest) -> Result<server::events::TickResponse, Failure> {
        let ticks = ["1", "null", "two\nlines", ""].map(|text| Event::new(text.to_owned()));
        Ok(server::events::TickResponse::Ok(ticks.to_vec().into()))
    }
}

async fn start(journal: &Journal) -> (String, client::Client) {
    let service = Service::builder().validate_responses(true).body_limit(10_000).build();
    let base = serve(server::router(journal.clone(), &service).unwrap()).await;
    let client = client::Client::new(&base).unwrap();
    (base, client)
}

fn entries_of(body: client::ReadLogsSuccess) -> client::Items<Entry> {
    match body {
        client::ReadLogsSuccess::Jsonl(items) | client::ReadLogsSuccess::JsonSeq(items) => items,
    }
}

async fn collected<T: serde::de::DeserializeOwned>(items: client::Items<T>) -> Vec<T> {
    items.map(Result::unwrap).collect().await
}

#[tokio::test]
async fn items_arrive_as_they_were_sent() {
    let journal = Journal::default();
    let (_, client) = start(&journal).await;
    let entries = vec![entry(0, ""), entry(7, "ü💙\n\u{1e}\r\""), entry(1, "last")];

    assert_eq!(client.write_logs(entries.clone().into()).await.unwrap().into_inner(), 3);
    assert_eq!(*journal.entries.lock().unwrap(), entries);
    for accept in [client::ReadLogsAccept::Jsonl, client::ReadLogsAccept::JsonSeq] {
        let answer = client.read_logs(accept).await.unwrap();
        assert_eq!(answer.headers()["content-type"], accept.as_str());
        assert_eq!(collected(entries_of(answer.into_inner())).await, entries);
    }
    client.replace_logs(Some(client::ReplaceLogsBody::JsonSeq(entries[1..].to_vec().into()))).await.unwrap();
    assert_eq!(*journal.entries.lock().unwrap(), entries[1..]);
    client.replace_logs(Some(client::ReplaceLogsBody::Json(entries.clone()))).await.unwrap();
    assert_eq!(*journal.entries.lock().unwrap(), entries);
    client.replace_logs(None).await.unwrap();
    assert!(journal.entries.lock().unwrap().is_empty());
    client.append_text("one\ntwo").await.unwrap();
    assert_eq!(*journal.text.lock().unwrap(), b"one\ntwo");
}

#[tokio::test]
async fn events_carry_typed_data() {
    let journal = Journal::default();
    let (_, client) = start(&journal).await;
    let entries = [entry(1, "a"), entry(2, "b\nü")];
    journal.entries.lock().unwrap().extend(entries.clone());

    let events = collected(client.watch().await.unwrap().into_inner()).await;
    assert_eq!(events.iter().map(|event| event.data.clone()).collect::<Vec<_>>(), entries);
    assert_eq!(events[1].id.as_deref(), Some("1"));

    let sent: ItemSource<_> = vec![Event::new(entries[0].clone()).with_id("x"), Event::new(entries[1].clone())].into();
    let answers = collected(client.converse(sent).await.unwrap().into_inner()).await;
    let [
        types::ConverseResponseItem::Said(first),
        types::ConverseResponseItem::Said(second),
        types::ConverseResponseItem::Done(done),
    ] = answers.as_slice()
    else {
        panic!("{answers:?}")
    };
    assert_eq!((first.data.as_str(), second.data.as_str(), done.data.count), ("a\nx", "b\nü\n", 2));

    let ticks = collected(client.tick().await.unwrap().into_inner()).await;
    assert_eq!(ticks.iter().map(|tick| tick.data.as_str()).collect::<Vec<_>>(), ["1", "null", "two\nlines", ""]);
}

/// An answer to the first item is there before the second is sent: neither side waits for the end.
#[tokio::test]
async fn nothing_waits_for_the_end() {
    let (_, client) = start(&Journal::default()).await;
    let (sender, receiver) = mpsc::unbounded();
    sender.unbounded_send(Event::new(entry(1, "first"))).unwrap();
    let mut answers = client.converse(ItemSource::new(receiver)).await.unwrap().into_inner();
    let first = tokio::time::timeout(Duration::from_secs(10), answers.try_next()).await.unwrap().unwrap();
    assert!(matches!(first, Some(types::ConverseResponseItem::Said(_))), "{first:?}");
    sender.unbounded_send(Event::new(entry(1, "second"))).unwrap();
    drop(sender);
    assert_eq!(collected(answers).await.len(), 2);
}

#[tokio::test]
async fn each_item_of_a_request_is_judged() {
    let journal = Journal::default();
    let (base, client) = start(&journal).await;
    let post = async |body: &str| {
        let request =
            reqwest::Client::new().post(format!("{base}/logs")).header("content-type", "application/x-ndjson");
        let answer = request.body(body.to_owned()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<serde_json::Value>().await.unwrap())
    };

    let (status, problem) = post("{\"level\":1,\"text\":\"a\"}\n{\"level\":9,\"text\":\"b\"}\n").await;
    assert_eq!(status, 400, "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "/body/1/level");
    assert_eq!(problem["errors"][0]["keyword"], "maximum");
    // The item before the wrong one was handed over.
    assert_eq!(journal.entries.lock().unwrap().len(), 1);
    let (status, problem) = post("{\"level\":1,\n").await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (400, &"/body/0".into()));
    let (status, _) = post(&"{\"level\":1,\"text\":\"a\"}\n".repeat(1000)).await;
    assert_eq!(status, 413);
    // `readOnly` has no effect.
    let (status, count) = post("{\"level\":1,\"text\":\"a\",\"received\":\"now\"}").await;
    assert_eq!((status, count), (200, 1.into()));
    assert_eq!(journal.entries.lock().unwrap().last().unwrap().received, None);

    // Too long as a whole, and without a length: the limit holds while it is read.
    let endless = stream::repeat_with(|| entry(1, "a"));
    let error = client.write_logs(ItemSource::new(endless)).await.unwrap_err();
    assert!(error.status().is_none_or(|status| status.as_u16() == 413), "{error:?}");
}

#[tokio::test]
async fn a_response_that_breaks_the_contract_breaks_off() {
    let journal = Journal::default();
    let (_, client) = start(&journal).await;
    journal.entries.lock().unwrap().extend([entry(1, "fine"), entry(9, "not fine")]);
    // The connection may be gone before the head of the response was sent, before an item was, or after it.
    let Ok(answer) = client.read_logs(client::ReadLogsAccept::Jsonl).await else { return };
    let items: Vec<Result<Entry, ItemError>> = entries_of(answer.into_inner()).collect().await;
    assert!(matches!(items.last(), Some(Err(ItemError::Transport(_)))), "{items:?}");
    assert!(items.len() <= 2, "{items:?}");
}
