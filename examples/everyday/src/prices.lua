local round = require("round")

local PRICES = { tea = 2.5, coffee = 3, milk = 1.75 }

return function(drink, rate)
	local price = PRICES[drink]
	if not price then
		return nil, errors.new({ message = `no price for {drink}`, kind = errors.NOT_FOUND })
	end
	return round(price * rate)
end
