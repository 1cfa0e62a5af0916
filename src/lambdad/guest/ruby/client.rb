# frozen_string_literal: true

require 'net/http'

module Lambdad
  # The Runtime API, as far as a runtime needs it, over one connection.
  class RuntimeClient
    ROOT = '/2018-06-01/runtime'
    XRAY_CAUSE_LIMIT_BYTES = 1024 * 1024
    # What a body without a type is by Net::HTTP: AWS's client sends answers and errors so.
    UNTYPED = 'application/x-www-form-urlencoded'

    class Refused < StandardError; end

    def initialize(address)
      host, port = address.split(':')
      # Without a proxy, whatever the function's variables say: the Runtime API is no further away.
      @http = Net::HTTP.new(host, Integer(port || 80), nil)
      @http.read_timeout = nil
      @http.keep_alive_timeout = Float::INFINITY
      @http.max_retries = 0
    end

    # Wait for the next event; its headers and body.
    def next_invocation
      response = send_request(Net::HTTP::Get.new("#{ROOT}/invocation/next"))
      return response if response.is_a?(Net::HTTPSuccess)

      raise Refused, "Received #{response.code} when waiting for next invocation."
    end

    def post_response(request_id, body, content_type)
      post("invocation/#{request_id}/response", body, content_type || UNTYPED)
    end

    def post_error(request_id, report)
      cause = report.xray_cause
      fits = cause.bytesize < XRAY_CAUSE_LIMIT_BYTES
      post(
        "invocation/#{request_id}/error", report.to_json, UNTYPED,
        'Lambda-Runtime-Function-Error-Type' => report.public_type,
        **(fits ? { 'Lambda-Runtime-Function-XRay-Error-Cause' => cause } : {})
      )
    end

    def post_init_error(report)
      post('init/error', report.to_json, UNTYPED,
           'Lambda-Runtime-Function-Error-Type' => report.public_type)
    end

    private

    def post(path, body, content_type, **headers)
      request = Net::HTTP::Post.new("#{ROOT}/#{path}", headers)
      request.content_type = content_type
      request.body = body
      send_request(request)
    end

    def send_request(request)
      @http.start unless @http.started?
      @http.request(request)
    rescue Exception # a signal between request and answer, too: that answer is not the next one's
      @http.finish if @http.started?
      raise
    end
  end
end
