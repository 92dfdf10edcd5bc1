    async fn complete_task(&self, request: CompleteTaskRequest) -> Result<CompleteTaskResponse, Failure> {
        let owner = Owner::of(&request.caller);
        let mut transaction = self.database.begin(&request.caller).await?;
        let Some(mut row) = rows::lock(&mut transaction, &owner, request.task_id).await? else {
            return Ok(CompleteTaskResponse::NotFound(problem::not_found(&request.context, "task")));
        };
        "done".clone_into(&mut row.status);
        let row = rows::update(&mut transaction, &owner, row, self.now()).await?;
        transaction.commit().await?;
        Ok(CompleteTaskResponse::Ok(row.into_task().map_err(Failure::internal)?))
    }

