//! Quotas are each principal's own, and a class that a caller may not claim gains it nothing.

use larder::server::identity::{Rights, Scope};

use super::{authenticator, key, rights, server};

#[test]
fn a_principal_that_has_used_up_its_quota_leaves_the_others_theirs() {
    let few = Rights { rps: Some(1), burst: Some(3), ..rights(&[Scope::Recommend], &["*"]) };
    let (greedy, greedy_known) = key("greedy", few.clone());
    let (same, same_known) = key("greedy", few);
    let (other, other_known) = key("other", rights(&[Scope::Recommend], &["*"]));
    let server = server(&authenticator(vec![greedy_known, same_known, other_known]));
    let ask = |key: &str, body: &str| {
        let headers = ["content-type: application/json", &format!("x-api-key: {key}")];
        server.send("POST", "/v1/recommendations:batch", &headers, body.as_bytes())
    };
    let page = r#"{"slots": [{"slotId": "a", "placement": "pdp.similar"},
                             {"slotId": "b", "placement": "pdp.similar"}]}"#;
    assert_eq!(ask(&greedy, page).status, 200, "two of three");
    assert_eq!(
        ask(&same, r#"{"slots": [{"slotId": "a", "placement": "pdp.similar"}]}"#).status,
        200,
        "the third"
    );
    let reply = ask(&greedy, page);
    assert_eq!(reply.status, 429, "{reply:?}");
    assert!(reply.problem(429, "").contains("greedy: the quota of 1 requests a second"));
    assert_eq!(reply.header("retry-after"), Some("1"));
    for _ in 0..20 {
        assert_eq!(ask(&other, page).status, 200);
    }
}

#[test]
fn what_requests_cost_counts_for_a_principal_and_not_how_many_they_are() {
    let costs = Rights { price: Some(1), price_burst: Some(400), ..rights(&[Scope::Recommend], &["*"]) };
    let (dear, known) = key("dear", costs);
    let server = server(&authenticator(vec![known]));
    let ask = |body: &str| {
        let headers = ["content-type: application/json", &format!("x-api-key: {dear}")];
        server.send("POST", "/v1/placements/home.popular:recommend", &headers, body.as_bytes())
    };
    let filtered = format!(r#"{{"filter": "{}"}}"#, vec!["price > 1"; 40].join(" && "));
    let refused = (0..100).map(|_| ask(&filtered)).find(|reply| reply.status != 200).expect("a quota");
    assert!(refused.problem(429, "").contains("units of price a second is used up"), "{refused:?}");
}
