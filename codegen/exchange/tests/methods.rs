//! Methods of OpenAPI 3.2.
#![allow(missing_docs, clippy::unwrap_used)]

use specwright_exchange::{
    methods::{client, server, types},
    serve,
};
use specwright_runtime::{failure::Failure, service::Service};

struct Library;

impl server::shelf::ShelfApi for Library {
    async fn list_books(
        &self,
        request: server::shelf::ListBooksRequest,
    ) -> Result<server::shelf::ListBooksResponse, Failure> {
        Ok(server::shelf::ListBooksResponse::Ok(vec![format!("{:?}", request.limit)]))
    }

    async fn search_books(
        &self,
        request: server::shelf::SearchBooksRequest,
    ) -> Result<server::shelf::SearchBooksResponse, Failure> {
        Ok(server::shelf::SearchBooksResponse::Ok(vec![request.body.text, format!("{:?}", request.limit)]))
    }

    async fn find(&self, request: server::shelf::FindRequest) -> Result<server::shelf::FindResponse, Failure> {
        Ok(server::shelf::FindResponse::Ok(format!("{:?}", request.search)))
    }

    async fn copy_books(
        &self,
        _: server::shelf::CopyBooksRequest,
    ) -> Result<server::shelf::CopyBooksResponse, Failure> {
        Ok(server::shelf::CopyBooksResponse::NoContent)
    }
}

impl server::other::OtherApi for Library {
    async fn link_books(
        &self,
        _: server::other::LinkBooksRequest,
    ) -> Result<server::other::LinkBooksResponse, Failure> {
        Ok(server::other::LinkBooksResponse::NoContent)
    }

    async fn has_book(
        &self,
        request: server::other::HasBookRequest,
    ) -> Result<server::other::HasBookResponse, Failure> {
        Ok(match request.id {
            7 => server::other::HasBookResponse::Ok { x_pages: 300 },
            _ => server::other::HasBookResponse::NotFound,
        })
    }

    async fn copy_book(
        &self,
        request: server::other::CopyBookRequest,
    ) -> Result<server::other::CopyBookResponse, Failure> {
        assert_eq!(request.id, 7);
        Ok(server::other::CopyBookResponse::NoContent)
    }
}

#[tokio::test]
async fn every_method_has_its_operation() {
    let service = Service::builder().build();
    let base = serve(server::router(Library, &service).unwrap()).await;
    let client = client::Client::new(&base).unwrap();

    assert_eq!(client.list_books(Some(1)).await.unwrap().into_inner(), ["Some(1)"]);
    let body = types::SearchBooksRequestBody { text: "ü".into() };
    assert_eq!(client.search_books(Some(2), &body).await.unwrap().into_inner(), ["ü", "Some(2)"]);
    client.copy_books(None).await.unwrap();
    client.link_books(None).await.unwrap();
    client.copy_book(7).await.unwrap();
    // An answer to HEAD has headers and no content, whatever the contract describes.
    assert_eq!(client.has_book(7).await.unwrap().into_inner().x_pages, 300);
    assert_eq!(client.has_book(8).await.unwrap_err().status().unwrap().as_u16(), 404);

    let search = types::FindSearch { text: "a&b=ü".into(), pages: Some(3) };
    assert_eq!(client.find(&search).await.unwrap().into_inner(), format!("{search:?}"));

    let send = async |method: &str, path: &str| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = reqwest::Client::new().request(method, format!("{base}{path}")).send().await.unwrap();
        let mut allowed: Vec<String> = answer.headers().get("allow").map_or(Vec::new(), |allow| {
            allow.to_str().unwrap().split(',').map(|method| method.trim().to_owned()).collect()
        });
        allowed.sort();
        (answer.status().as_u16(), allowed.join(" "))
    };
    // Methods are case-sensitive.
    assert_eq!(send("copy", "/books").await, (405, "COPY GET LINK QUERY".into()));
    assert_eq!(send("UNLINK", "/books").await, (405, "COPY GET LINK QUERY".into()));
    assert_eq!(send("UNLINK", "/books/7").await, (405, "COPY HEAD".into()));
    assert_eq!(send("COPY", "/books/x").await.0, 400);
    assert_eq!(send("QUERY", "/books").await.0, 400);
    assert_eq!(send("QUERY", "/books/7").await.0, 405);
    assert_eq!(send("GET", "/find?pages=3").await.0, 400);
}
