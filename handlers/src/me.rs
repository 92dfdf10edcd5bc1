//! Who the caller is, as the verified token says it. The database is not asked.

use api_server::me::{GetMeRequest, GetMeResponse, MeApi};
use api_types::{Me, Organization};
use specwright_runtime::failure::Failure;

use crate::App;

impl MeApi for App {
    async fn get_me(&self, request: GetMeRequest) -> Result<GetMeResponse, Failure> {
        let caller = request.caller;
        Ok(GetMeResponse::Ok(Me {
            user_id: caller.user_id().to_string(),
            session_id: caller.session_id().map(str::to_owned),
            organization: caller.organization().map(|organization| Organization {
                id: organization.id.clone(),
                slug: organization.slug.clone(),
                role: organization.role.clone(),
                permissions: organization.permissions.clone(),
            }),
        }))
    }
}
