local ctx = require("ctx")
local prices = require("prices")
local time = require("time")

-- What a drink costs, in the currency of the caller.
local function quote(drink)
	if drink == "slow" then
		time.sleep("1h")
	end
	local rate = ctx.get("rate") or 1
	return prices(drink, rate)
end

return { quote = quote }
