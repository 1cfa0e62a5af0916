# frozen_string_literal: true

require 'json'
require 'stringio'

module AwsLambda
  # Between bytes and Ruby's values. Of AWS's name: functions may put methods of their own here.
  class Marshaller
    class << self
      def marshall_request(raw_request)
        return raw_request.body unless raw_request['Content-Type'] == 'application/json'

        JSON.parse(raw_request.body)
      end

      # A stream is an answer that is no JSON; its content type says so.
      def marshall_response(method_response)
        case method_response
        when StringIO, IO then [method_response, 'application/unknown']
        else method_response.to_json
        end
      end
    end
  end
end
