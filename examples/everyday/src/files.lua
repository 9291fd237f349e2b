local crypto = require("crypto")
local fs = require("fs")

-- The list of drinks is a file that the application may read and nothing else.
local function run()
	local menu, err = fs.get("app:menu")
	if err then
		-- Simulations have no files.
		return err:kind() == errors.UNAVAILABLE and { "no files here" } or nil, err
	end
	local file, unreadable = menu:open("drinks.txt", "r")
	if unreadable then
		return unreadable:kind() == errors.UNAVAILABLE and { "no files here" } or nil, unreadable
	end
	local lines = {}
	local scanner = file:scanner("words")
	while scanner:scan() do
		table.insert(lines, `drink: {scanner:text()}`)
	end
	file:close()
	local _, outside = menu:readfile("../../src/_index.yaml")
	local _, refused = menu:writefile("more.txt", "wine")
	table.insert(lines, `outside: {outside:kind()}, write: {refused:kind()}`)

	-- What leaves the house is sealed: whoever has the key can read it and nobody can change it.
	local key = crypto.pbkdf2("a word that ada knows", "salt", 1000, 32)
	local sealed = crypto.encrypt.aes("the recipe", key, "for ada")
	local opened = crypto.decrypt.aes(sealed, key, "for ada")
	local _, forged = crypto.decrypt.aes(sealed, key, "for joan")
	table.insert(lines, `sealed: {opened}; for another: {forged ~= nil}`)
	return lines
end

return { run = run }
