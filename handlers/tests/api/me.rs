//! The caller, as the token says.

use specwright_runtime::auth::Organization;

use crate::support::Service;

#[tokio::test]
async fn the_caller_is_who_the_token_says() {
    let service = Service::start().await;
    let me = service.client("user_ada").typed().get_me().await.unwrap().into_inner();
    assert_eq!((me.user_id.as_str(), me.session_id.as_deref()), ("user_ada", Some("sess_local")));
    assert!(me.organization.is_none());

    let acme = Organization::new("org_acme").with_slug("acme").with_role("admin").with_permission("projects:manage");
    let me = service.client_in("user_ada", acme).typed().get_me().await.unwrap().into_inner();
    let organization = me.organization.unwrap();
    assert_eq!((organization.id.as_str(), organization.slug.as_deref()), ("org_acme", Some("acme")));
    assert_eq!(organization.role.as_deref(), Some("org:admin"));
    assert_eq!(organization.permissions, ["org:projects:manage"]);
}
