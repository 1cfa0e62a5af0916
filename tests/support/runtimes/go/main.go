// The program of the runtime conformance suite for Go, with AWS's own library.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do    string          `json:"do"`
	Value json.RawMessage `json:"value"`
	Bytes int             `json:"bytes"`
	Path  string          `json:"path"`
}

type broken struct{ message string }

func (b broken) Error() string { return b.message }

var calls int

func describe(ctx context.Context) any {
	known, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	trace, _ := ctx.Value("x-amzn-trace-id").(string)
	return map[string]any{
		"requestId": known.AwsRequestID,
		"arn":       known.InvokedFunctionArn,
		"name":      lambdacontext.FunctionName,
		"version":   lambdacontext.FunctionVersion,
		"memory":    fmt.Sprint(lambdacontext.MemoryLimitInMB),
		"group":     lambdacontext.LogGroupName,
		"stream":    lambdacontext.LogStreamName,
		"left":      time.Until(deadline).Milliseconds(),
		"trace":     trace,
		"client":    known.ClientContext.Custom["k"],
	}
}

func hoard() {
	var held [][]byte
	for {
		block := make([]byte, 1_000_000)
		for i := range block {
			block[i] = 1
		}
		held = append(held, block)
	}
}

func count() (any, error) {
	file, err := os.OpenFile("/tmp/calls", os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	file.WriteString("x")
	state, err := file.Stat()
	if err != nil {
		return nil, err
	}
	calls++
	return map[string]any{"memory": calls, "file": state.Size()}, nil
}

func place() (any, error) {
	directory, err := os.Getwd()
	variables := map[string]string{}
	for _, name := range []string{"AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "_HANDLER", "MINE"} {
		if value, found := os.LookupEnv(name); found {
			variables[name] = value
		}
	}
	writable := os.WriteFile("/var/task/new", nil, 0o600) == nil
	return map[string]any{"cwd": directory, "writable": writable, "variables": variables}, err
}

func handle(ctx context.Context, asked event) (any, error) {
	switch asked.Do {
	case "echo":
		return asked.Value, nil
	case "context":
		return describe(ctx), nil
	case "fail":
		return nil, broken{"on purpose"}
	case "sleep":
		time.Sleep(time.Minute)
	case "exit":
		os.Exit(7)
	case "hoard":
		hoard()
	case "large":
		return strings.Repeat("x", asked.Bytes-2), nil
	case "count":
		return count()
	case "place":
		return place()
	case "read":
		text, err := os.ReadFile(asked.Path)
		return string(text), err
	case "layer":
		text, err := exec.Command("greeting").Output()
		return strings.TrimSpace(string(text)), err
	case "log":
		fmt.Println("a line of the function")
		return nil, nil
	case "stream":
		return io.MultiReader(strings.NewReader("first "), strings.NewReader("second")), nil
	}
	return nil, errors.New("what is " + asked.Do)
}

func main() {
	switch os.Getenv("INIT") {
	case "fail":
		panic("not today")
	case "exit":
		os.Exit(9)
	}
	lambda.Start(handle)
}
