# frozen_string_literal: true

require_relative 'context'
require_relative 'errors'
require_relative 'handler'
require_relative 'logging'

module Lambdad
  # Loads the user's code and runs it for one event after another.
  class Runner
    EXIT_AFTER_CRITICAL_ERROR = -1
    EXIT_AFTER_LOST_RESPONSE = -2
    EXIT_AFTER_INIT_ERROR = -4

    def initialize(client)
      @client = client
      @exit_code = nil
    end

    # Never returns.
    def run(root, handler_name)
      $LOAD_PATH.unshift(root) unless $LOAD_PATH.include?(root)
      begin
        @handler = LambdaHandler.new(handler_name)
        require @handler.handler_file_name
        run_once until @exit_code
      rescue Exception => e # whatever the user's code raises
        @exit_code = EXIT_AFTER_INIT_ERROR
        report = ErrorReport.new(e, 'Init')
        log('Init error when loading handler ', report)
        @client.post_init_error(report)
      ensure
        AwsLambdaRIC::TelemetryLogger.close
      end
      exit(@exit_code)
    end

    private

    def run_once
      raw_request = @client.next_invocation
      request_id = raw_request['Lambda-Runtime-Aws-Request-Id']
      $_global_aws_request_id = request_id # of AWS's name: functions put it into their log
      trace_id = raw_request['Lambda-Runtime-Trace-Id']
      ENV['_X_AMZN_TRACE_ID'] = trace_id if trace_id
      request = AwsLambda::Marshaller.marshall_request(raw_request)
      context = LambdaContext.new(raw_request)
      answer = call_handler(request_id, request, context)
      respond(request_id, *answer) if answer
    end

    # The answer, or nil where the user's code failed, which is reported then.
    def call_handler(request_id, request, context)
      @handler.call_handler(request: request, context: context)
    rescue NameError => e # a broken deployment: the environment is not kept
      fail_critically(request_id, e)
    rescue StandardError => e
      report = ErrorReport.new(e)
      log('Error raised from handler method', report)
      @client.post_error(request_id, report)
      nil
    rescue Exception => e # exit and stack overflow too
      fail_critically(request_id, e)
    end

    def fail_critically(request_id, error)
      report = ErrorReport.new(error)
      log('Critical exception from handler', report)
      @client.post_error(request_id, report)
      @exit_code = EXIT_AFTER_CRITICAL_ERROR
      nil
    end

    def respond(request_id, answer, content_type = nil)
      body = answer.respond_to?(:read) ? answer.read : answer
      @client.post_response(request_id, body, content_type)
    rescue StandardError => e
      @client.post_error(request_id, ErrorReport.new(e, 'Runtime'))
      @exit_code = EXIT_AFTER_LOST_RESPONSE
    end

    def log(title, report)
      puts title
      puts JSON.pretty_generate(report.to_h)
    end
  end
end
