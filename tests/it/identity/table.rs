//! A case of the table of who is refused: a request, and what both protocols say to it.

use larder_proto::v1;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};

use crate::support::server::Server;

/// A request for a slate that is right but for its credential.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'static str,
    /// What is expected: 200, 401, 403.
    pub(super) status: u16,
    /// A word of the reason.
    pub(super) says: &'static str,
}

pub(super) fn case(
    name: &'static str,
    headers: &[(&'static str, &str)],
    body: &'static str,
    status: u16,
    says: &'static str,
) -> Case {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Case { name, headers, body, status, says }
}

impl Case {
    /// Asks on both protocols.
    pub(super) fn check(&self, server: &Server) {
        self.over_http(server);
        self.over_grpc(server);
    }

    fn over_http(&self, server: &Server) {
        let mut headers = vec!["content-type: application/json".to_owned()];
        headers.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let path = "/v1/placements/pdp.similar:recommend";
        let reply = server.send("POST", path, &headers, self.body.as_bytes());
        assert_eq!(reply.status, self.status, "{}: {reply:?}", self.name);
        if self.status == 200 {
            return;
        }
        let said = reply.problem(self.status, "");
        assert!(said.contains(self.says), "{}: {said}", self.name);
        assert_eq!(reply.header("www-authenticate").is_some(), self.status == 401, "{}", self.name);
        self.says_no_secret(&reply.body);
    }

    fn over_grpc(&self, server: &Server) {
        let mut message: v1::RecommendRequest = serde_json::from_str(self.body).unwrap();
        message.placement = "pdp.similar".to_owned();
        let mut request = Request::new(message);
        for (name, value) in &self.headers {
            request.metadata_mut().append(*name, MetadataValue::try_from(value.as_str()).unwrap());
        }
        let answer = server.runtime.block_on(server.client().recommend(request));
        let expected = match self.status {
            200 => Code::Ok,
            401 => Code::Unauthenticated,
            _ => Code::PermissionDenied,
        };
        let (code, said) = match answer {
            Ok(_) => (Code::Ok, String::new()),
            Err(status) => (status.code(), status.message().to_owned()),
        };
        assert_eq!(code, expected, "{}: {said}", self.name);
        assert!(said.contains(self.says), "{}: {said}", self.name);
        self.says_no_secret(&said);
    }

    /// Neither the credential nor the part of it that is secret is repeated.
    fn says_no_secret(&self, said: &str) {
        for (_, value) in &self.headers {
            let secret = value.rsplit(['_', ' ', '.']).next().unwrap_or_default();
            assert!(secret.len() < 7 || !said.contains(secret), "{said}");
        }
    }
}
