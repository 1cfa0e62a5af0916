//! The program of the runtime conformance suite for Rust: the standard library, nothing else.

use std::env::{current_dir, var};
use std::fs::{metadata, read_to_string, OpenOptions};
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::TcpStream;
use std::process::{exit, Command};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

struct Api {
    writer: TcpStream,
    reader: BufReader<TcpStream>,
    host: String,
}

struct Event {
    headers: Vec<(String, String)>,
    text: String,
}

impl Event {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The JSON text of the member that follows `key`, to the end of the event or the next member.
    fn member(&self, key: &str) -> &str {
        let after = self.text.split_once(&format!("\"{key}\": ")).map_or("", |(_, rest)| rest);
        after.strip_suffix('}').unwrap_or(after)
    }

    fn action(&self) -> &str {
        self.member("do").split('"').nth(1).unwrap_or("")
    }
}

impl Api {
    fn connect() -> Result<Api> {
        let host = var("AWS_LAMBDA_RUNTIME_API").expect("the address of the Runtime API");
        let writer = TcpStream::connect(&host)?;
        writer.set_nodelay(true)?;
        let reader = BufReader::new(writer.try_clone()?);
        Ok(Api { writer, reader, host })
    }

    fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Result<Event> {
        let host = &self.host;
        let length = body.len();
        let head = format!("{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {host}\r\n");
        let message = format!("{head}{headers}Content-Length: {length}\r\n\r\n{body}");
        self.writer.write_all(message.as_bytes())?;
        self.receive()
    }

    /// A response part by part, ended by trailers.
    fn stream(&mut self, id: &str, parts: &[&str], trailers: &str) -> Result<Event> {
        let host = &self.host;
        write!(
            self.writer,
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: {host}\r\n\
             Content-Type: text/plain\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n\
             Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        )?;
        for part in parts {
            write!(self.writer, "{:x}\r\n{part}\r\n", part.len())?;
        }
        write!(self.writer, "0\r\n{trailers}\r\n")?;
        self.receive()
    }

    fn receive(&mut self) -> Result<Event> {
        let mut headers = Vec::new();
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.to_lowercase(), value.to_string())),
                None => break,
            }
        }
        let mut event = Event { headers, text: String::new() };
        let length = event.header("content-length").parse().unwrap_or(0);
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        event.text = String::from_utf8(body).expect("UTF-8");
        Ok(event)
    }

    fn fail(&mut self, path: &str, message: &str) -> Result<Event> {
        let body = format!(r#"{{"errorMessage":"{message}","errorType":"Function.Broken"}}"#);
        self.send("POST", path, "Lambda-Runtime-Function-Error-Type: Function.Broken\r\n", &body)
    }
}

fn describe(event: &Event) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() as i64;
    let deadline: i64 = event.header("lambda-runtime-deadline-ms").parse().expect("a number");
    let client = event.header("lambda-runtime-client-context");
    let custom = client.split_once("\"k\": \"").map_or("", |(_, rest)| rest);
    let variable = |name: &str| var(format!("AWS_LAMBDA_{name}")).unwrap_or_default();
    format!(
        r#"{{"requestId":"{}","arn":"{}","name":"{}","version":"{}","memory":"{}","group":"{}","#,
        event.header("lambda-runtime-aws-request-id"),
        event.header("lambda-runtime-invoked-function-arn"),
        variable("FUNCTION_NAME"),
        variable("FUNCTION_VERSION"),
        variable("FUNCTION_MEMORY_SIZE"),
        variable("LOG_GROUP_NAME"),
    ) + &format!(
        r#""stream":"{}","left":{},"trace":"{}","client":"{}"}}"#,
        variable("LOG_STREAM_NAME"),
        deadline - now,
        event.header("lambda-runtime-trace-id"),
        custom.split('"').next().unwrap_or(""),
    )
}

fn hoard() -> String {
    let mut held = Vec::new();
    loop {
        held.push(vec![1u8; 1_000_000]);
    }
}

fn count(calls: u64) -> Result<String> {
    let mut file = OpenOptions::new().create(true).append(true).open("/tmp/calls")?;
    file.write_all(b"x")?;
    Ok(format!(r#"{{"memory":{calls},"file":{}}}"#, metadata("/tmp/calls")?.len()))
}

fn place() -> Result<String> {
    let set = ["AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "_HANDLER", "MINE"]
        .iter()
        .filter_map(|name| var(name).ok().map(|value| format!(r#""{name}":"{value}""#)));
    let variables = set.collect::<Vec<_>>().join(",");
    let writable = OpenOptions::new().create(true).append(true).open("/var/task/new").is_ok();
    let directory = current_dir()?.display().to_string();
    Ok(format!(r#"{{"cwd":"{directory}","writable":{writable},"variables":{{{variables}}}}}"#))
}

fn main() -> Result<()> {
    let mut api = Api::connect()?;
    match var("INIT").as_deref() {
        Ok("fail") => {
            api.fail("init/error", "not today")?;
            exit(1)
        }
        Ok("exit") => exit(9),
        _ => {}
    }
    let mut calls = 0;
    loop {
        let event = api.send("GET", "invocation/next", "", "")?;
        let id = event.header("lambda-runtime-aws-request-id").to_string();
        let answer = match event.action() {
            "echo" => event.member("value").to_string(),
            "context" => describe(&event),
            "fail" => {
                api.fail(&format!("invocation/{id}/error"), "on purpose")?;
                continue;
            }
            "sleep" => {
                std::thread::sleep(Duration::from_secs(60));
                continue;
            }
            "exit" => exit(7),
            "hoard" => hoard(),
            "large" => {
                let bytes: usize = event.member("bytes").parse().expect("a number");
                format!("\"{}\"", "x".repeat(bytes - 2))
            }
            "count" => {
                calls += 1;
                count(calls)?
            }
            "place" => place()?,
            "read" => format!("\"{}\"", read_to_string(event.member("path").trim_matches('"'))?),
            "layer" => {
                let output = Command::new("greeting").output()?;
                format!("\"{}\"", String::from_utf8_lossy(&output.stdout).trim_end())
            }
            "log" => {
                println!("a line of the function");
                "null".to_string()
            }
            "stream" => {
                api.stream(&id, &["first ", "second"], "")?;
                continue;
            }
            _ => {
                // {"errorMessage":"on purpose","errorType":"Function.Broken"}
                let body = "eyJlcnJvck1lc3NhZ2UiOiJvbiBwdXJwb3NlIiwiZXJyb3JUeXBlIjoiRnVuY3Rpb24uQnJva2VuIn0=";
                let trailers = format!(
                    "Lambda-Runtime-Function-Error-Type: Function.Broken\r\n\
                     Lambda-Runtime-Function-Error-Body: {body}\r\n"
                );
                api.stream(&id, &["first "], &trailers)?;
                continue;
            }
        };
        api.send("POST", &format!("invocation/{id}/response"), "", &answer)?;
    }
}
