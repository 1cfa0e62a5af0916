# frozen_string_literal: true

# The program of the runtime conformance suite for Ruby.

raise IOError, 'not today' if ENV['INIT'] == 'fail'

exit!(9) if ENV['INIT'] == 'exit'

class Broken < StandardError; end

$calls = 0

def context_of(_event, context)
  {
    requestId: context.aws_request_id,
    arn: context.invoked_function_arn,
    name: context.function_name,
    version: context.function_version,
    memory: context.memory_limit_in_mb,
    group: context.log_group_name,
    stream: context.log_stream_name,
    left: context.get_remaining_time_in_millis,
    trace: ENV['_X_AMZN_TRACE_ID'],
    client: context.client_context['custom']['k']
  }
end

def hoard
  held = []
  loop { held << ('x' * 1_000_000) }
end

def count
  File.open('/tmp/calls', 'a') { |file| file.write('x') }
  { memory: $calls += 1, file: File.size('/tmp/calls') }
end

def place
  {
    cwd: Dir.pwd,
    writable: File.writable?('/var/task'),
    variables: ENV.slice('AWS_EXECUTION_ENV', 'LAMBDA_TASK_ROOT', '_HANDLER', 'MINE')
  }
end

# By RUBYLIB and by GEM_PATH.
def layer
  require 'greeting'
  require 'farewell'
  raise Farewell::TEXT unless Farewell::TEXT == 'a gem of the layer'

  Greeting::TEXT
end

ACTIONS = {
  'echo' => ->(event, _) { event['value'] },
  'context' => method(:context_of),
  'fail' => ->(*) { raise Broken, 'on purpose' },
  'sleep' => ->(*) { sleep 60 },
  'exit' => ->(*) { exit!(7) },
  'hoard' => ->(*) { hoard },
  'large' => ->(event, _) { 'x' * (event['bytes'] - 2) },
  'count' => ->(*) { count },
  'place' => ->(*) { place },
  'read' => ->(event, _) { File.read(event['path']) },
  'layer' => ->(*) { layer },
  'log' => ->(*) { puts 'a line of the function' }
}.freeze

def handler(event:, context:)
  ACTIONS.fetch(event['do']).call(event, context)
end
