# frozen_string_literal: true

require 'json'

require_relative 'utf8'

module Lambdad
  # An error in the shapes in which it travels: to the caller, to the log and to X-Ray.
  class ErrorReport
    MAX_FRAMES = 100
    MAX_XRAY_FRAMES = 15
    # Other classes may say something of the user's; the platform's metrics do not hear their names.
    PUBLIC_CLASSES = %w[
      ArgumentError NoMethodError Exception StandardError NameError LoadError SystemExit
      SystemStackError
    ].freeze

    # `phase` is AWS's word for where it happened: Function, Init or Runtime.
    def initialize(error, phase = 'Function')
      @class_name = error.class.to_s
      @type = "#{phase}<#{@class_name}>"
      @message = Utf8.of(error.message)
      locations = (error.backtrace_locations || []).first(MAX_FRAMES)
      @frames = locations.take_while { |frame| !frame.to_s.start_with?('lib') }
    end

    def public_type
      PUBLIC_CLASSES.include?(@class_name) ? @type : 'Function<UserException>'
    end

    def to_h
      { errorMessage: @message, errorType: @type, stackTrace: @frames.map(&:to_s) }
    end

    def to_json(*)
      JSON.generate(to_h)
    end

    def xray_cause
      stack = @frames.first(MAX_XRAY_FRAMES).map do |frame|
        { path: frame.path, line: frame.lineno, label: frame.label }
      end
      cause = {
        working_directory: Dir.pwd,
        paths: Gem.paths.path,
        exceptions: [{ message: @message, type: @type, stack: stack }]
      }
      JSON.generate(cause, ascii_only: true) # it travels in a header
    end
  end
end
