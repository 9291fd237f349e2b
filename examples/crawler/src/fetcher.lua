-- Fetches one page and tells the crawler where it leads. The site is made up; one
-- of its pages answers only the second time.
local supervisor = require("supervisor")
local time = require("time")

local SITE = {
	["/"] = { "/about", "/products", "/news" },
	["/about"] = { "/" },
	["/products"] = { "/products/1", "/products/2", "/products/3" },
	["/news"] = { "/about", "/products/2" },
}

local function life()
	local pid, name = process.supervisor()
	for _, child in supervisor.children(pid) do
		if child.name == name then
			return child.life
		end
	end
end

return function(page, crawler)
	time.sleep("5ms")
	if page == "/products/2" and life() == 1 then
		error(`{page}: connection reset`, 0)
	end
	process.send(crawler, "page", { page = page, links = SITE[page] or {}, life = life() })
end
