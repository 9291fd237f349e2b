local expect = require("expect")
local funcs = require("funcs")

local tests = {}

function tests.tea_has_a_price()
	local price, err = funcs.call("app:quote", "tea")
	expect.same(err, nil)
	expect.same(price, 2.5)
end

function tests.gold_has_none()
	local price, err = funcs.call("app:quote", "gold")
	expect.same(price, nil)
	expect.fails(err, errors.NOT_FOUND, "no price for gold")
end

function tests.prices_are_changed_to_the_currency_of_the_caller()
	local abroad = funcs.new():with_context({ rate = 1.1 })
	expect.same(abroad:call("app:quote", "coffee"), 3.3)
	expect.same(funcs.call("app:quote", "coffee"), 3)
end

function tests.a_slow_quote_can_be_given_up()
	local hasty = funcs.new():with_options({ timeout = "10ms" })
	local _, err = hasty:call("app:quote", "slow")
	expect.fails(err, errors.TIMEOUT, "call timed out after 10ms")
end

function tests.all_drinks_are_quoted_at_once()
	local futures, total = {}, 0
	for _, drink in { "tea", "coffee", "milk" } do
		table.insert(futures, funcs.async("app:quote", drink))
	end
	for _, future in futures do
		total += future:channel():receive():data()
	end
	expect.same(total, 7.25)
end

return tests
