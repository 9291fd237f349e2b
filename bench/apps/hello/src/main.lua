-- Row 17: starts, says hello and ends.
return function()
    print("hello")
end
