-- The smallest application: one process on a terminal host. Arguments of the
-- command line are the arguments of main.
local function main(who)
	print("Hello, " .. (who or "world") .. "!")
	print("This is " .. process.id() .. ".")
end

return { main = main }
