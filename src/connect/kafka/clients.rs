//! The connection that is good at the moment, for all who need one.

use std::sync::Arc;

use rskafka::client::Client;
use rskafka::client::partition::{PartitionClient, UnknownTopicHandling};
use tokio::sync::watch;

use super::cluster::{KafkaError, answered};

/// Where readers get their clients from: the connection that is good at the moment.
#[derive(Debug, Clone)]
pub(super) struct Clients(pub(super) watch::Receiver<Option<Arc<Client>>>);

impl Clients {
    /// A client of a partition, once the cluster is connected to.
    pub(super) async fn partition(
        &mut self,
        topic: &str,
        partition: i32,
    ) -> Result<PartitionClient, KafkaError> {
        let client = match self.0.wait_for(Option::is_some).await {
            Ok(client) => client.clone(),
            Err(_) => None,
        };
        let Some(client) = client else { return Err(KafkaError::NoAnswer) };
        let wanted = client.partition_client(topic, partition, UnknownTopicHandling::Error);
        answered(wanted).await
    }
}
