# frozen_string_literal: true

require 'json'
require 'logger'

require_relative 'utf8'

# Ruby's own line, with the request in it.
class LogFormatter < Logger::Formatter
  FORMAT = "%s, [%s #%d] %5s %s -- %s: %s\n"

  def call(severity, time, progname, message)
    request_id = $_global_aws_request_id
    words = [severity[0], format_datetime(time), Process.pid, severity, request_id, progname]
    Lambdad::Utf8.of(format(FORMAT, *words, msg2str(message)))
  end
end

# One JSON object for each message, as AWS_LAMBDA_LOG_FORMAT=JSON asks for.
class JsonLogFormatter < Logger::Formatter
  TIME = '%Y-%m-%dT%H:%M:%S.%6NZ'
  FRAME = /\A(?<file>.+):(?<line>\d+):in [`'](?<method>.+)'\z/

  def call(severity, time, progname, message)
    record = {
      timestamp: time.getutc.strftime(TIME),
      level: severity,
      message: Lambdad::Utf8.of(message.is_a?(Exception) ? message.message : msg2str(message)),
      requestId: $_global_aws_request_id,
      logger: progname.to_s.empty? ? nil : Lambdad::Utf8.of(progname)
    }
    record.merge!(error_members(message)) if message.is_a?(Exception)
    "#{JSON.generate(record.compact)}\n"
  end

  private

  def error_members(error)
    trace = Array(error.backtrace).map { |line| Lambdad::Utf8.of(line) }
    first = FRAME.match(trace.first.to_s)
    {
      errorType: error.class.to_s,
      errorMessage: Lambdad::Utf8.of(error.message),
      stackTrace: trace,
      location: first ? "#{first[:file]}:#{first[:method]}:#{first[:line]}" : trace.first
    }
  end
end

# The platform's pipe: each message one frame, so that its lines stay together.
class TelemetryLogSink
  FRAME_TYPE = 0xa55a0003

  def initialize(file)
    @file = file
  end

  def write(message)
    return $stdout.write(message) if @file.closed?

    now_us = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
    @file.write([FRAME_TYPE, message.bytesize, now_us].pack('L>L>Q>'), message)
  end

  # Loggers may close their device; the pipe is everybody's.
  def close; end
  def reopen(_log = nil); end
end

module AwsLambdaRIC
  # Where the log goes. Of AWS's name: logging libraries ask it for the sink.
  module TelemetryLogger
    VARIABLE = '_LAMBDA_TELEMETRY_LOG_FD'

    class << self
      attr_reader :telemetry_log_sink

      def open_from_env
        number = ENV.delete(VARIABLE)
        return if number.nil?

        @file = IO.new(number.to_i, 'wb')
        @file.sync = true
        @telemetry_log_sink = TelemetryLogSink.new(@file)
        Kernel.define_method(:puts) { |*values| TelemetryLogger.puts(values) }
      rescue Errno::EBADF
        nil # the log goes to stdout
      end

      def puts(values)
        text = values.flatten.map { |value| value.to_s.encode('UTF-8') }.join("\n")
        @telemetry_log_sink.write(text.end_with?("\n") ? text : "#{text}\n")
        nil
      end

      def close
        @file&.close
      end
    end
  end
end

# Makes loggers of stdout and stderr write to the sink, in AWS's formats, from AWS's level on.
module LoggerPatch
  LEVELS = {
    'TRACE' => Logger::DEBUG, 'DEBUG' => Logger::DEBUG, 'INFO' => Logger::INFO,
    'WARN' => Logger::WARN, 'ERROR' => Logger::ERROR, 'FATAL' => Logger::FATAL
  }.freeze
  LEVEL = LEVELS[ENV['AWS_LAMBDA_LOG_LEVEL'].to_s.upcase]
  FORMATTER = ENV['AWS_LAMBDA_LOG_FORMAT'].to_s.upcase == 'JSON' ? JsonLogFormatter : LogFormatter

  def initialize(device, *rotation, **options)
    if device.nil? || device == $stdout || device == $stderr
      device = AwsLambdaRIC::TelemetryLogger.telemetry_log_sink || device
      options[:formatter] ||= FORMATTER.new
      options[:level] = LEVEL if LEVEL && !options.key?(:level)
    end
    super(device, *rotation, **options)
  end
end

Logger.prepend(LoggerPatch)
