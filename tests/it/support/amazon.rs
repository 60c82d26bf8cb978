//! What tests need of Amazon besides what is tested: buckets, queues, rules, by moto.

use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use tokio::runtime::Runtime;

use super::s3_server::S3Server;

/// Clients of a server that stands for Amazon.
pub(crate) struct Amazon {
    config: SdkConfig,
    runtime: Runtime,
}

impl Amazon {
    pub(crate) fn new(server: &S3Server) -> Self {
        let runtime = Runtime::new().unwrap();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("larder", "testing", None, None, "tests"))
            .endpoint_url(server.endpoint());
        let config = runtime.block_on(loader.load());
        Self { config, runtime }
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// Makes a bucket.
    pub(crate) fn make_bucket(&self, name: &str) {
        self.runtime.block_on(self.s3().create_bucket().bucket(name).send()).unwrap();
    }

    /// Makes a queue; its address.
    pub(crate) fn make_queue(&self, name: &str) -> String {
        let made = self.runtime.block_on(self.sqs().create_queue().queue_name(name).send()).unwrap();
        made.queue_url.unwrap()
    }

    /// Sends messages to a queue.
    pub(crate) fn send(&self, queue: &str, bodies: &[String]) {
        for body in bodies {
            let request = self.sqs().send_message().queue_url(queue).message_body(body);
            self.runtime.block_on(request.send()).unwrap();
        }
    }

    /// How many messages a queue has: those that wait, and those that were given out and not deleted.
    pub(crate) fn queued(&self, queue: &str) -> usize {
        use aws_sdk_sqs::types::QueueAttributeName as Name;
        let names = [Name::ApproximateNumberOfMessages, Name::ApproximateNumberOfMessagesNotVisible];
        let request = self.sqs().get_queue_attributes().queue_url(queue);
        let request = request.set_attribute_names(Some(names.to_vec()));
        let attributes = self.runtime.block_on(request.send()).unwrap().attributes.unwrap();
        attributes.values().map(|count| count.parse::<usize>().unwrap()).sum()
    }

    /// Takes all messages of a queue.
    pub(crate) fn receive_all(&self, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let request = self.sqs().receive_message().queue_url(queue).max_number_of_messages(10);
            let found = self.runtime.block_on(request.send()).unwrap().messages.unwrap_or_default();
            if found.is_empty() {
                return bodies;
            }
            bodies.extend(found.into_iter().map(|message| message.body.unwrap()));
        }
    }

    /// Has a bucket tell a queue of new objects.
    pub(crate) fn notify(&self, bucket: &str, queue: &str) {
        use aws_sdk_s3::types::{Event, NotificationConfiguration, QueueConfiguration};
        let name = queue.rsplit('/').next().unwrap();
        let to = QueueConfiguration::builder()
            .queue_arn(format!("arn:aws:sqs:us-east-1:123456789012:{name}"))
            .events(Event::from("s3:ObjectCreated:*"));
        let configuration = NotificationConfiguration::builder().queue_configurations(to.build().unwrap());
        let request = self.s3().put_bucket_notification_configuration().bucket(bucket);
        let request = request.notification_configuration(configuration.build());
        self.runtime.block_on(request.send()).unwrap();
    }

    /// Writes an object.
    pub(crate) fn put(&self, bucket: &str, key: &str, body: &[u8]) {
        let request = self.s3().put_object().bucket(bucket).key(key).body(body.to_vec().into());
        self.runtime.block_on(request.send()).unwrap();
    }

    /// The bytes of all objects of a bucket, behind each other; waits for the first.
    pub(crate) fn objects(&self, bucket: &str) -> Vec<u8> {
        let began = Instant::now();
        loop {
            let request = self.s3().list_objects_v2().bucket(bucket);
            let listed = self.runtime.block_on(request.send()).unwrap().contents.unwrap_or_default();
            if !listed.is_empty() {
                return listed.iter().flat_map(|object| self.get(bucket, object.key().unwrap())).collect();
            }
            assert!(began.elapsed() < Duration::from_secs(60), "nothing in the bucket {bucket}");
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    fn get(&self, bucket: &str, key: &str) -> Vec<u8> {
        self.runtime.block_on(async {
            let answer = self.s3().get_object().bucket(bucket).key(key).send().await.unwrap();
            answer.body.collect().await.unwrap().to_vec()
        })
    }

    /// Makes a Firehose stream into a bucket of its own.
    pub(crate) fn make_firehose(&self, name: &str, bucket: &str) {
        use aws_sdk_firehose::types::ExtendedS3DestinationConfiguration;
        self.make_bucket(bucket);
        let to = ExtendedS3DestinationConfiguration::builder()
            .role_arn("arn:aws:iam::123456789012:role/firehose")
            .bucket_arn(format!("arn:aws:s3:::{bucket}"));
        let client = aws_sdk_firehose::Client::new(&self.config);
        let request = client.create_delivery_stream().delivery_stream_name(name);
        let request = request.extended_s3_destination_configuration(to.build().unwrap());
        self.runtime.block_on(request.send()).unwrap();
    }

    /// Makes a bus all of whose events go to a queue; the queue's address.
    pub(crate) fn make_bus(&self, bus: &str, queue: &str) -> String {
        use aws_sdk_eventbridge::types::Target;
        let queue_url = self.make_queue(queue);
        let client = aws_sdk_eventbridge::Client::new(&self.config);
        let pattern = r#"{"source": ["larder"]}"#;
        self.runtime.block_on(async {
            client.create_event_bus().name(bus).send().await.unwrap();
            let rule = client.put_rule().name("all").event_bus_name(bus).event_pattern(pattern);
            rule.send().await.unwrap();
            let arn = format!("arn:aws:sqs:us-east-1:123456789012:{queue}");
            let target = Target::builder().id("queue").arn(arn).build().unwrap();
            client.put_targets().rule("all").event_bus_name(bus).targets(target).send().await.unwrap();
        });
        queue_url
    }
}
