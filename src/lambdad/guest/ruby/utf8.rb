# frozen_string_literal: true

module Lambdad
  # Text that JSON and the log can hold, whatever its bytes are.
  module Utf8
    def self.of(value)
      value.to_s.encode('UTF-8', invalid: :replace, undef: :replace, replace: "\uFFFD")
    end
  end
end
