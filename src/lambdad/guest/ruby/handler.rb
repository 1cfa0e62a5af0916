# frozen_string_literal: true

require_relative 'marshaller'

# What _HANDLER names: `file.method`, or `file.Class.method` where the class may be nested (A::B).
# Of AWS's name, which Ruby says when a method is missing.
class LambdaHandler
  FORM = 'must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME corresponds ' \
         'with an existing Ruby source file FILENAME.rb, CLASS is an optional module/class ' \
         'namespace and METHOD is a callable method. If using CLASS, METHOD must be a ' \
         'class-level method.'

  attr_reader :handler_file_name, :handler_method_name

  def initialize(name)
    parts = name.split('.')
    raise ArgumentError, "Invalid handler #{parts}, #{FORM}" unless parts.size.between?(2, 3)

    @handler_file_name = parts.first
    @handler_method_name = parts.last
    @handler_class = parts[1] if parts.size == 3
  end

  # The answer as a body, or a body and its content type.
  def call_handler(request:, context:)
    # Methods of a file that belong to no class are private methods of every object.
    receiver = @handler_class ? Kernel.const_get(@handler_class) : self
    response = receiver.__send__(@handler_method_name, event: request, context: context)
    AwsLambda::Marshaller.marshall_response(response)
  end
end
