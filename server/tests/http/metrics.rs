//! What the operator watches, scraped as Prometheus does.

use gongdan_server::store::StoreError;

use crate::desk::{DISPATCHER, OTHER_DISPATCHER, correct};
use crate::harness::TestServer;
use crate::phone::Phone;

impl TestServer {
    async fn metrics(&self) -> String {
        let address = self.running.metrics_address().unwrap();
        let response = self
            .client
            .get(format!("http://{address}/metrics"))
            .send()
            .await
            .unwrap();
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
        response.text().await.unwrap()
    }
}

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}

#[tokio::test]
async fn metrics_count_what_happened_and_name_nobody() {
    let server = TestServer::start().await;
    let (desk, other) = (server.desk(DISPATCHER), server.desk(OTHER_DISPATCHER));
    let (id, number) = desk.open("east", "空调不制冷").await;
    let heads = desk.ticket(&id).await["heads"].clone();
    desk.execute(&id, &heads, correct("model", "KFR-50")).await;
    other.execute(&id, &heads, correct("model", "KFR-72")).await;
    let mut phone = Phone::enrolled(&server).await;
    phone.sync(&server).await;
    // It has heard of the server since, and still had something to send.
    let says =
        "UPDATE devices SET unsent_commands = 3, unsent_oldest = ?1 WHERE person IS NOT NULL";
    let oldest = server.running.state.host.now().seconds() - 3_600;
    let state = &server.running.state;
    state
        .db
        .write(|tx| Ok::<_, StoreError>(tx.execute(says, [oldest])?))
        .unwrap();
    server.clock.advance(90);

    let text = server.metrics().await;
    let is = |series: &str, expected: f64| {
        assert_eq!(value(&text, series), Some(expected), "{series}\n{text}");
    };
    assert!(text.ends_with("# EOF\n"));
    is(
        "gongdan_verdicts_total{verdict=\"admitted\",reason=\"\"}",
        4.0,
    );
    is("gongdan_conflicts", 1.0);
    is("gongdan_disputed_tickets", 1.0);
    is("gongdan_open_tickets", 1.0);
    is("gongdan_quarantine_changesets", 0.0);
    is("gongdan_unsent_commands", 3.0);
    is("gongdan_unsent_oldest_age_seconds", 3_690.0);
    is("gongdan_devices{state=\"active\"}", 1.0);
    is("gongdan_device_silent_longest_age_seconds", 90.0);
    is("gongdan_sync_seconds_count{outcome=\"answered\"}", 1.0);
    is(
        "gongdan_http_requests_total{method=\"GET\",route=\"/v1/tickets/{id}\",status=\"200\"}",
        1.0,
    );
    assert!(value(&text, "gongdan_commit_seconds_count").unwrap() > 5.0);
    assert_eq!(value(&text, "gongdan_backup_age_seconds"), None, "none yet");
    for private in [DISPATCHER, &server.technician, &id, &number, "周牧云"] {
        assert!(!text.contains(private), "{private}");
    }
}

#[tokio::test]
async fn clients_do_not_reach_metrics_and_their_paths_make_no_series() {
    let server = TestServer::start().await;
    for n in 0..20 {
        let path = server.url(&format!("/v1/nothing/{n}"));
        assert_eq!(server.client.get(path).send().await.unwrap().status(), 404);
    }
    let response = server
        .client
        .get(server.url("/metrics"))
        .send()
        .await
        .unwrap();
    let page = response.text().await.unwrap();
    assert!(!page.contains("gongdan_"), "{page}");
    let text = server.metrics().await;
    assert!(!text.contains("nothing"), "{text}");
}
