# frozen_string_literal: true

# Starts a Ruby function: load its handler, then run one event after another.
#
# lambdad's own runtime client. It behaves as AWS's (aws_lambda_ric: texts, log lines, exit codes)
# and uses the standard library alone. Names that functions or libraries use are AWS's; the others
# are in Lambdad, out of the function's way. Order matters: the log is patched before any code of
# the user's runs. Ruby 3.1 and later.

# AWS's client has these loaded, and functions use them without asking.
require 'json'
require 'logger'
require 'net/http'
require 'stringio'
require 'time'

require_relative 'client'
require_relative 'logging'
require_relative 'runner'

$stdout.sync = true

AwsLambdaRIC::TelemetryLogger.open_from_env
client = Lambdad::RuntimeClient.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API'))
Lambdad::Runner.new(client).run(Dir.pwd, ENV.fetch('_HANDLER'))
