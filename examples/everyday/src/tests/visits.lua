local expect = require("expect")
local store = require("store")
local visits = require("visits")

return function()
	local kept = store.get("app:visits")
	local done = channel.new(3)
	for _ = 1, 3 do
		coroutine.spawn(function()
			visits.count(kept, "grace")
			done:send(true)
		end)
	end
	for _ = 1, 3 do
		done:receive()
	end
	expect.same(kept:get("grace"), 3)
end
