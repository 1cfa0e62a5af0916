//! The program of the runtime conformance suite for Rust, with AWS's own crate.

use lambda_runtime::{service_fn, Context, Diagnostic, Error, LambdaEvent};
use serde_json::{json, Value};
use std::env::{current_dir, var};
use std::fs::{metadata, read_to_string, OpenOptions};
use std::io::Write;
use std::process::{exit, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

static CALLS: AtomicU64 = AtomicU64::new(0);

fn broken(message: impl ToString) -> Diagnostic {
    Diagnostic { error_type: "Function.Broken".into(), error_message: message.to_string() }
}

fn describe(context: &Context) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() as u64;
    let config = &context.env_config;
    json!({
        "requestId": context.request_id,
        "arn": context.invoked_function_arn,
        "name": config.function_name,
        "version": config.version,
        "memory": config.memory.to_string(),
        "group": config.log_group,
        "stream": config.log_stream,
        "left": context.deadline - now,
        "trace": context.xray_trace_id,
        "client": context.client_context.as_ref().map(|client| client.custom["k"].clone()),
    })
}

fn hoard() -> Value {
    let mut held = Vec::new();
    loop {
        held.push(vec![1u8; 1_000_000]);
    }
}

fn count() -> std::io::Result<Value> {
    let mut file = OpenOptions::new().create(true).append(true).open("/tmp/calls")?;
    file.write_all(b"x")?;
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    Ok(json!({"memory": calls, "file": metadata("/tmp/calls")?.len()}))
}

fn place() -> std::io::Result<Value> {
    let names = ["AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "_HANDLER", "MINE"];
    let set = names.iter().filter_map(|name| var(name).ok().map(|value| (*name, value)));
    let variables: std::collections::HashMap<_, _> = set.collect();
    let writable = OpenOptions::new().create(true).append(true).open("/var/task/new").is_ok();
    Ok(json!({"cwd": current_dir()?, "writable": writable, "variables": variables}))
}

fn layer() -> std::io::Result<Value> {
    let output = Command::new("greeting").output()?;
    Ok(json!(String::from_utf8_lossy(&output.stdout).trim_end()))
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    match payload["do"].as_str().unwrap_or("") {
        "echo" => Ok(payload["value"].clone()),
        "context" => Ok(describe(&context)),
        "fail" => Err(broken("on purpose")),
        "sleep" => {
            std::thread::sleep(Duration::from_secs(60));
            Ok(Value::Null)
        }
        "exit" => exit(7),
        "hoard" => Ok(hoard()),
        "large" => Ok(json!("x".repeat(payload["bytes"].as_u64().unwrap_or(2) as usize - 2))),
        "count" => count().map_err(broken),
        "place" => place().map_err(broken),
        "read" => Ok(json!(read_to_string(payload["path"].as_str().unwrap_or("")).map_err(broken)?)),
        "layer" => layer().map_err(broken),
        "log" => {
            println!("a line of the function");
            Ok(Value::Null)
        }
        other => Err(broken(format!("what is {other}"))),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match var("INIT").as_deref() {
        Ok("fail") => return Err("not today".into()),
        Ok("exit") => exit(9),
        _ => {}
    }
    lambda_runtime::run(service_fn(handle)).await
}
