-- Is busy for ever.
return function()
    local n = 0
    while true do
        n += 1
    end
end
