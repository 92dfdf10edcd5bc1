#[tokio::test]
async fn a_task_is_completed() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let task = ada.create_task("Water the plants").await;

    let done = ada.typed().complete_task(&task).await.unwrap();

    assert_eq!(done.status, TaskStatus::Done);
}
