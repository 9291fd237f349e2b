local expect = require("expect")
local round = require("round")

local function amounts_are_rounded_to_cents()
	for amount, rounded in { [2.5] = 2.5, [3.3000001] = 3.3, [0.005] = 0.01, [-1.239] = -1.24 } do
		expect.same(round(amount), rounded)
	end
end

return { amounts_are_rounded_to_cents = amounts_are_rounded_to_cents }
