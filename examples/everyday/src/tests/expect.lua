-- Raises at the place of the caller, so that a failure shows the line of the test.
local expect = {}

function expect.same(found, wanted)
	if found ~= wanted then
		error(`expected {wanted}, found {found}`, 2)
	end
end

function expect.fails(err, kind, message)
	if not err then
		error(`expected an error, {kind}`, 2)
	end
	if err:kind() ~= kind or err:message() ~= message then
		error(`expected {kind}: {message}, found {err:kind()}: {err:message()}`, 2)
	end
end

return expect
