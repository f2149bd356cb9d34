//! The configurations that packages and images install: the server starts with them as its unit and its image start it.

use std::path::Path;

use crate::server::Home;

const UNIT: &str = include_str!("../../../../docs/packaging/systemd/agentstack-rest.service");
const CONFIG: &str = include_str!("../../../../docs/packaging/aistack.config.json");
const DOCKERFILE: &str = include_str!("../../../../docs/packaging/Dockerfile");
const CONTAINER_CONFIG: &str = include_str!("../../../../docs/packaging/container.config.json");

/// Where the unit and the image keep their state; a test keeps it in its home.
const STATE: &str = "/var/lib";

/// Puts the configuration into the home, with the state there and ports that the system chooses.
fn installed(home: &Home, config: &str) -> String {
    let state = home.path("state");
    let config = config.replace(STATE, state.to_str().unwrap()).replace(":9464", ":0");
    let path = home.path("work/installed.json");
    std::fs::write(&path, config).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The names of all files in the folder.
fn files(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The first start has made database, key and token, the one apart from the others, and callers are served.
fn serves_and_keeps_apart(home: &Home, arguments: &[&str]) {
    let server = home.start(arguments);
    let token = server.token();
    assert_eq!(server.ask(&token, "GET", "/health/ready", "").0, 200);
    assert_eq!(server.ask(&token, "GET", "/api/v1/tokens", "").1["count"], 1);
    let data = files(&home.path("state/agentstack"));
    assert!(data.iter().all(|name| name.starts_with("aistack.db")), "{data:?}");
    let keys = files(&home.path("state/agentstack-keys"));
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys[0] == "agentstack.key" && keys[1].starts_with("operator-"), "{keys:?}");
    assert!(files(&home.path("config/agentstack")).is_empty(), "nothing is left where the unit cannot write");
    let asked = ["--check-ready", "--listen", &server.address.to_string()].map(str::to_owned);
    let asked: Vec<&str> = asked.iter().map(String::as_str).chain(["--config", arguments[1]]).collect();
    assert_eq!(home.run(&asked).status.code(), Some(0));
}

#[test]
fn the_unit_starts_a_server_that_keeps_the_key_apart_from_the_database() {
    let start =
        UNIT.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/agentstack-rest ")).unwrap();
    let mut arguments: Vec<&str> = start.split(' ').collect();
    assert_eq!(arguments[..2], ["--config", "/etc/agentstack/aistack.config.json"]);
    let home = Home::new();
    let config = installed(&home, CONFIG);
    arguments[1] = &config;
    serves_and_keeps_apart(&home, &arguments);
}

#[test]
fn the_image_starts_a_server_that_listens_for_a_proxy_and_keeps_the_key_apart() {
    let instruction =
        |kind: &str| DOCKERFILE.lines().rfind(|line| line.trim_start().starts_with(kind)).unwrap();
    let command: Vec<String> = serde_json::from_str(instruction("CMD ").trim_start_matches("CMD ")).unwrap();
    let home = Home::new();
    let config = installed(&home, CONTAINER_CONFIG);
    let mut arguments = vec!["--config", &config, "--listen", "0.0.0.0:0"];
    arguments.extend(command.iter().map(String::as_str));
    serves_and_keeps_apart(&home, &arguments);
}
