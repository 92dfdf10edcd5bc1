//! Forms, from client to handler, and files that are read while they arrive.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use specwright_exchange::{
    forms::{client, server, types},
    serve,
};
use specwright_runtime::{failure::Failure, service::Service};
use tokio::sync::oneshot;

/// Writes down what arrives.
#[derive(Clone, Default)]
struct Desk {
    /// Told when the first bytes of a file are here.
    arrived: Arc<Mutex<Option<oneshot::Sender<()>>>>,
}

impl server::uploads::UploadsApi for Desk {
    async fn put_avatar(
        &self,
        request: server::uploads::PutAvatarRequest,
    ) -> Result<server::uploads::PutAvatarResponse, Failure> {
        let mut image = request.body.image;
        let mut length = 0;
        while let Some(chunk) = image.chunk().await? {
            length += chunk.len();
            if let Some(sender) = self.arrived.lock().unwrap().take() {
                let _ = sender.send(());
            }
        }
        let said = format!(
            "{:?} {:?} {:?} {:?} {length}",
            request.body.alt, image.file_name, image.content_type, image.headers["x-checksum"]
        );
        Ok(server::uploads::PutAvatarResponse::Ok(said))
    }

    async fn create_album(
        &self,
        request: server::uploads::CreateAlbumRequest,
    ) -> Result<server::uploads::CreateAlbumResponse, Failure> {
        let mut form = request.body;
        let mut files = Vec::new();
        while let Some((part, mut file)) = form.files_.next().await? {
            files.push((part, file.content_type.clone(), file.bytes().await?));
        }
        let fields = (form.title, form.count, form.tags, form.places, form.owner, form.files);
        let others = (form.sizes, form.filter, form.note, form.additional_properties);
        Ok(server::uploads::CreateAlbumResponse::Ok(format!("{fields:?} {others:?} {files:?}")))
    }

    async fn describe_album(
        &self,
        request: server::uploads::DescribeAlbumRequest,
    ) -> Result<server::uploads::DescribeAlbumResponse, Failure> {
        match request.body {
            Some(server::uploads::DescribeAlbumBody::Multipart(form)) => {
                assert_eq!(form.additional_properties, BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), -2)]));
            }
            Some(server::uploads::DescribeAlbumBody::MultipartMixed(body)) => {
                let chunks: Vec<_> = body.into_data_stream().map(Result::unwrap).collect().await;
                assert_eq!(chunks.concat(), b"--b--");
            }
            None => {}
        }
        Ok(server::uploads::DescribeAlbumResponse::NoContent)
    }
}

impl server::forms::FormsApi for Desk {
    async fn search(&self, request: server::forms::SearchRequest) -> Result<server::forms::SearchResponse, Failure> {
        Ok(server::forms::SearchResponse::Ok(format!("{:?}", request.body)))
    }

    async fn replace_search(
        &self,
        request: server::forms::ReplaceSearchRequest,
    ) -> Result<server::forms::ReplaceSearchResponse, Failure> {
        Ok(server::forms::ReplaceSearchResponse::Ok(format!("{:?}", request.body)))
    }

    async fn add_evidence(
        &self,
        request: server::forms::AddEvidenceRequest,
    ) -> Result<server::forms::AddEvidenceResponse, Failure> {
        let mut form = request.body;
        let document = form.supporting_document.bytes().await?;
        let said = format!("{document:?} {:?} {:?} {:?}", form.the_title, form.choices, form.components);
        Ok(server::forms::AddEvidenceResponse::Ok(said))
    }
}

async fn start(desk: &Desk) -> (String, client::Client) {
    let service =
        Service::builder().validate_responses(true).body_limit_of("putAvatar", 3_000_000).form_memory(50_000).build();
    let base = serve(server::router(desk.clone(), &service).unwrap()).await;
    let client = client::Client::new(&base).unwrap();
    (base, client)
}

fn place(name: &str, height: Option<i64>) -> types::Place {
    types::Place { name: name.into(), height }
}

/// The handler reads the begin of a file before the client has sent its end.
#[tokio::test]
async fn a_file_is_read_while_it_arrives() {
    let desk = Desk::default();
    let (_, client) = start(&desk).await;
    let (sender, receiver) = oneshot::channel();
    *desk.arrived.lock().unwrap() = Some(sender);
    let begin = stream::iter((0..10).map(|_| Bytes::from(vec![b'x'; 10_000])));
    let end = stream::once(async move {
        // Only the handler can end this wait.
        tokio::time::timeout(Duration::from_secs(10), receiver).await.unwrap().unwrap();
        Bytes::from_static(b"end")
    });
    let body = reqwest::Body::wrap_stream(begin.chain(end).map(Ok::<_, std::io::Error>));
    let image = client::Upload::new(body).file_name("a.png").header("X-Checksum", "7");
    let form = client::PutAvatarForm { image, alt: Some("ü".into()) };
    let said = client.put_avatar(form).await.unwrap().into_inner();
    assert_eq!(said, r#"Some("ü") Some("a.png") Some("image/png") "7" 100003"#);
}

#[tokio::test]
async fn parts_are_what_the_contract_says() {
    let (_, client) = start(&Desk::default()).await;
    let avatar = |image: client::Upload, alt: Option<&str>| {
        client.put_avatar(client::PutAvatarForm { image, alt: alt.map(str::to_owned) })
    };
    let image = || client::Upload::new("x").header("X-Checksum", "7");
    assert!(avatar(image().content_type("image/jpeg"), None).await.unwrap().into_inner().contains("image/jpeg"));
    for upload in [
        avatar(image().content_type("image/webp"), None),
        avatar(client::Upload::new("x"), None),
        avatar(client::Upload::new("x").header("X-Checksum", "seven"), None),
        avatar(image(), Some("too long")),
        avatar(client::Upload::new(vec![b'x'; 3_000_001]).header("X-Checksum", "7"), None),
    ] {
        let error = upload.await.unwrap_err();
        assert!(error.status().is_none_or(|status| matches!(status.as_u16(), 400 | 413)), "{error:?}");
    }
}

#[tokio::test]
async fn fields_and_files_arrive_as_they_were_sent() {
    let (_, client) = start(&Desk::default()).await;
    let form = |photos: Vec<client::Upload>| client::CreateAlbumForm {
        cover: Some(client::Upload::new("cover").content_type("text/plain")),
        photos,
        title: "a&b=ü, c".into(),
        count: Some(-3),
        tags: Some(vec!["x,y".into(), String::new()]),
        places: Some(vec![place("one", None)]),
        owner: Some(place("two", Some(2))),
        files: Some(vec![1, 2]),
        sizes: Some(vec![3, 4]),
        filter: Some(place("[n]", Some(5))),
        note: Some("*".into()),
        additional_properties: BTreeMap::from([("more".into(), "1".into())]),
    };
    let photos = || vec![client::Upload::new("1"), client::Upload::new(vec![0, 255])];
    let said = client.create_album(form(photos())).await.unwrap().into_inner();
    assert_eq!(
        said,
        "(\"a&b=ü, c\", Some(-3), Some([\"x,y\", \"\"]), Some([Place { name: \"one\", height: None }]), \
         Some(Place { name: \"two\", height: Some(2) }), Some([1, 2])) \
         (Some([3, 4]), Some(Place { name: \"[n]\", height: Some(5) }), Some(\"*\"), {\"more\": \"1\"}) \
         [(Cover, Some(\"text/plain\"), b\"cover\"), (Photos, None, b\"1\"), (Photos, None, b\"\\0\\xff\")]"
    );
    // One too few, in memory and while it is read.
    for size in [1, 100_000] {
        let one = vec![client::Upload::new(vec![b'x'; size])];
        let error = client.create_album(form(one)).await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), 400, "{error:?}");
    }
    let body = client::DescribeAlbumForm { additional_properties: BTreeMap::from([("a".into(), 1), ("b".into(), -2)]) };
    client.describe_album(Some(client::DescribeAlbumBody::Multipart(body))).await.unwrap();
    client.describe_album(Some(client::DescribeAlbumBody::MultipartMixed("--b--".into()))).await.unwrap();
    client.describe_album(None).await.unwrap();
}

/// `name*` is not for forms (RFC 7578, section 4.2), and an array of one array is not that array.
#[tokio::test]
async fn parts_have_any_name_and_arrays_hold_arrays() {
    let (_, client) = start(&Desk::default()).await;
    let pair = || vec!["a".to_owned(), "b".to_owned()];
    for choices in [vec![pair()], vec![pair(), pair()]] {
        let expected = format!("b\"text\" Some(\"it\") Some({choices:?}) None");
        let form = client::AddEvidenceForm {
            supporting_document: client::Upload::new("text"),
            the_title: Some("it".into()),
            choices: Some(choices),
            components: None,
        };
        assert_eq!(client.add_evidence(form).await.unwrap().into_inner(), expected);
    }
}

#[tokio::test]
async fn keywords_of_the_whole_form_are_checked() {
    let (base, _) = start(&Desk::default()).await;
    let part =
        |name: &str, text: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    let send = async |parts: &[String]| {
        let request = reqwest::Client::new().post(format!("{base}/albums"));
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let answer = request.body(format!("{}--b--", parts.concat())).send().await.unwrap();
        let problem: serde_json::Value = answer.json().await.unwrap();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| format!("{} {}", error["pointer"], error["keyword"])).collect::<Vec<_>>().join(", ")
    };
    let least = [part("title", "t"), part("photos", ""), part("photos", "")];
    assert_eq!(send(&least).await, "\"/body\" \"minProperties\"");
    let count = [&least[..], &[part("count", "1")]].concat();
    assert_eq!(send(&count).await, "\"/body/tags\" \"dependentRequired\"");
    let fine = [&count[..], &[part("tags", "")]].concat();
    assert_eq!(send(&fine).await, "");
    let wrong = [&fine[..], &[part("owner", "{}"), part("sizes", "1|x")]].concat();
    assert_eq!(send(&wrong).await, "\"/body/owner/name\" \"required\", \"/body/sizes/1\" \"type\"");
}

#[tokio::test]
async fn members_of_url_encoded_forms_have_styles() {
    let (base, client) = start(&Desk::default()).await;
    let body = types::SearchRequestBody {
        text: "a&b=c+d%e ü".into(),
        tags: Some(vec!["x,y".into(), "z".into()]),
        sizes: Some(vec![1, 2]),
        words: Some(vec!["a,b".into(), "c|d".into()]),
        ids: Some(vec![3, 4]),
        near: Some(place("n", Some(1))),
        filter: Some(place("f&", Some(2))),
        range: Some(types::SearchRequestBodyRange { from: Some(1), to: Some(9) }),
        list: Some(vec!["[".into(), ",".into()]),
        places: Some(vec![place("p", None), place("q", Some(3))]),
        path: Some("/a/b".into()),
    };
    let said = client.search(&body).await.unwrap().into_inner();
    assert_eq!(said, format!("{body:?}"));

    // As other clients spell it.
    let send = async |form: &str| {
        let request = reqwest::Client::new().post(format!("{base}/search"));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        request.send().await.unwrap().json::<String>().await.unwrap()
    };
    let expected = types::SearchRequestBody {
        text: "t".into(),
        tags: None,
        sizes: Some(vec![1, 2]),
        words: Some(vec!["a".into(), "b".into(), "c".into()]),
        ids: Some(vec![3, 4]),
        near: Some(place("n", None)),
        filter: Some(place("f", Some(2))),
        range: Some(types::SearchRequestBodyRange { from: Some(1), to: None }),
        list: Some(vec!["x".into()]),
        places: None,
        path: Some("/a".into()),
    };
    let form =
        "text=t&sizes=1,2&words=a+b%20c&ids=3|4&near[name]=n&filter[name]=f&filter%5Bheight%5D=2&from=1&list=x&path=/a";
    let form = form.replace("list=x", "list=%5B%22x%22%5D");
    assert_eq!(send(&form).await, format!("{expected:?}"));
}

#[tokio::test]
async fn a_body_may_be_absent_or_null() {
    let (base, client) = start(&Desk::default()).await;
    assert_eq!(client.replace_search(None).await.unwrap().into_inner(), "None");
    assert_eq!(client.replace_search(Some(&None)).await.unwrap().into_inner(), "Some(None)");
    let said = client.replace_search(Some(&Some(place("a", None)))).await.unwrap().into_inner();
    assert_eq!(said, "Some(Some(Place { name: \"a\", height: None }))");
    // A text that breaks its schema is not sent by a service that looks at what it sends.
    let error = client.replace_search(Some(&Some(place(&"a".repeat(60), None)))).await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 500, "{error:?}");
    // A content type and nothing.
    let request = reqwest::Client::new().put(format!("{base}/search")).header("content-type", "application/json");
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "None");
}
