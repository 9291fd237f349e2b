local supervisor = require("supervisor")
local time = require("time")

-- Waits until a child of the shop is up in this life, with all of its own.
local function wait_for(name, life, own)
	while true do
		for _, child in supervisor.children("app:shop") do
			local counts = supervisor.counts("app:" .. name)
			if
				child.name == name
				and child.life == life
				and child.state == "running"
				and counts
				and counts.restarts == own
				and counts.active == 2
			then
				return
			end
		end
		time.sleep("5ms")
	end
end

local function fail(name)
	process.send(supervisor.which("app:database", name), "fail", true)
end

return function()
	print("-- the cache fails: the whole database restarts")
	fail("cache")
	wait_for("database", 1, 1)
	time.sleep("20ms")
	print("-- the connection fails: too often for the database, so what follows it restarts too")
	fail("connection")
	wait_for("database", 2, 0)
	wait_for("web", 2, 0)
	print("-- the end, from bottom to top")
end
